"""The widths and names of element types, of every type that onnx knows."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper

from colocate.inference.onnx.element_types import bits, numbered, short_name


@pytest.mark.parametrize(
    ("element_type", "name", "width"),
    [
        (TensorProto.FLOAT, "fp32", 32),
        (TensorProto.DOUBLE, "fp64", 64),
        (TensorProto.FLOAT16, "fp16", 16),
        (TensorProto.BFLOAT16, "bf16", 16),
        (TensorProto.FLOAT8E4M3FN, "fp8", 8),
        (TensorProto.INT8, "int8", 8),
        (TensorProto.UINT8, "int8", 8),
        (TensorProto.UINT4, "int4", 4),
        (TensorProto.INT64, "int64", 64),
        (TensorProto.BOOL, "bool", 8),
        (TensorProto.COMPLEX64, "complex64", 64),
        (TensorProto.STRING, "string", None),
        (TensorProto.UNDEFINED, "undefined", None),
        (9999, "type 9999", None),
    ],
)
def test_names_and_widths(element_type: int, name: str, width: int | None) -> None:
    assert (short_name(element_type), bits(element_type)) == (name, width)


def test_widths_are_those_of_numpy() -> None:
    for element_type in helper.get_all_tensor_dtypes():
        width, dtype = bits(element_type), np.dtype(helper.tensor_dtype_to_np_dtype(element_type))
        # Types that numpy does not have are numbers of another type in onnx 1.16.
        if width is not None and width >= 8 and helper.np_dtype_to_tensor_dtype(dtype) == element_type:
            assert width == 8 * dtype.itemsize


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_precision_is_a_type_of_its_name(precision: str) -> None:
    assert short_name(numbered(precision)) == precision
