"""The types of a tensor's elements: their widths and short names."""

from __future__ import annotations

import re
from collections.abc import Mapping

from onnx import TensorProto

_NAMES: Mapping[int, str] = {int(number): name for name, number in TensorProto.DataType.items()}
_SHORT = re.compile(r"U?(?P<kind>INT|FLOAT|BFLOAT|COMPLEX)(?P<digits>\d*)\w*")
_PREFIXES = {"INT": "int", "FLOAT": "fp", "BFLOAT": "bf", "COMPLEX": "complex"}
# Types whose names do not contain their width.
_BITS: Mapping[int, int] = {TensorProto.FLOAT: 32, TensorProto.DOUBLE: 64, TensorProto.BOOL: 8}


def bits(element_type: int) -> int | None:
    """Return the bits of one element, such as 4 for INT4, of which two share a byte. None for text and for unknown
    types.
    """
    if element_type in _BITS:
        return _BITS[element_type]
    found = re.search(r"\d+", _NAMES.get(element_type, ""))
    return int(found[0]) if found else None


def short_name(element_type: int) -> str:
    """Return the name of a type as precisions are called: `fp32`, `fp16`, `int8` (also for unsigned integers), ..."""
    name = _NAMES.get(element_type, f"type {element_type}")
    found = _SHORT.fullmatch(name)
    if element_type == TensorProto.DOUBLE or found is None:
        return "fp64" if element_type == TensorProto.DOUBLE else name.lower()
    return f"{_PREFIXES[found['kind']]}{found['digits'] or bits(element_type)}"


def numbered(precision: str) -> int:
    """Return the TensorProto type of `precision`, `fp32` or `fp16`."""
    return {"fp32": TensorProto.FLOAT, "fp16": TensorProto.FLOAT16}[precision]
