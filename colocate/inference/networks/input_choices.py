"""Parsing of `--shape` and `--input`, which describe the inputs of a network, into InputChoice."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from colocate.errors import SpecError
from colocate.model.network_path import is_array
from colocate.model.request import InputChoice

# No tensor in memory has a larger dimension.
_SIZE_MAX = 2**40
# Python refuses to parse numbers of thousands of digits.
_DIGITS_MAX = 100


def input_choices(shapes: Mapping[str, str], values: Mapping[str, str | float]) -> tuple[InputChoice, ...]:
    """Return one choice for each input in `shapes` or `values`: its shape, its value, or both.

    Raises SpecError for a text that is not a shape, or not a value.
    """
    names = sorted({*shapes, *values})
    return tuple(
        InputChoice(
            name,
            _shape(name, shapes[name]) if name in shapes else None,
            _value(name, values[name]) if name in values else None,
        )
        for name in names
    )


def _shape(name: str, text: str) -> tuple[int | None, ...]:
    """Return (None, 3, 640, 640) for `@batchx3x640x640`, where None is the batch. An empty text is a scalar, ()."""
    sizes = text.split("x") if text else []
    if not all(
        size == "@batch" or (size.isascii() and size.isdecimal() and len(size) <= _DIGITS_MAX) for size in sizes
    ):
        raise SpecError(f"--shape {name}: write {text!r} as 1x3x320x320, or as @batchx3x320x320 to follow --batch")
    if sizes.count("@batch") > 1:
        raise SpecError(f"--shape {name}: {text!r} has two dimensions of @batch; name the one that counts images")
    if any(size != "@batch" and int(size) > _SIZE_MAX for size in sizes):
        raise SpecError(f"--shape {name}: {text!r} has a dimension beyond {_SIZE_MAX}; no tensor is so large")
    return tuple(None if size == "@batch" else int(size) for size in sizes)


def _value(name: str, value: str | float) -> str | float:
    """Return a number, or the absolute path of an .npy file."""
    try:
        number = float(value)
    except ValueError:
        if not is_array(str(value)):
            raise SpecError(f"--input {name}: give a number or the path of an .npy file, not {value!r}") from None
        return str(Path(str(value)).absolute())
    if not math.isfinite(number):
        raise SpecError(f"--input {name}: {value} is no number to feed")
    return number
