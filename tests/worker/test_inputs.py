"""What a network is fed: of its shape and type, and never zeros."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from colocate.worker.inputs import input_arrays
from colocate.worker.request import NetworkFile, TensorSpec


def fed_by(*inputs: TensorSpec) -> NetworkFile:
    return NetworkFile("n", Path("n.onnx"), "", inputs)


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8", "int8", "int64"])
def test_the_input_is_of_its_type_and_not_zero(dtype: str) -> None:
    file = fed_by(TensorSpec("x", (2, 3, 8, 8), dtype))
    x = input_arrays(file, seed=7)["x"]
    assert (x.dtype.name, x.shape) == (dtype, (2, 3, 8, 8))
    assert np.count_nonzero(x) > 0.99 * x.size
    assert x.std() > 0
    np.testing.assert_array_equal(x, input_arrays(file, seed=7)["x"])
    assert (x != input_arrays(file, seed=8)["x"]).any()


def test_each_input_has_numbers_of_its_own() -> None:
    arrays = input_arrays(fed_by(*(TensorSpec(name, (4, 4), "float32") for name in ("left", "right"))))
    assert list(arrays) == ["left", "right"]
    assert (arrays["left"] != arrays["right"]).all()


def test_an_index_stays_small() -> None:
    """A table of unknown length is at least ten rows long, in the hope of most networks."""
    x = input_arrays(fed_by(TensorSpec("x", (1000,), "int64")))["x"]
    assert (x.min(), x.max()) == (1, 9)
