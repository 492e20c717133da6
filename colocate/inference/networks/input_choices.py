"""What a user writes of the inputs of a network, `--shape` and `--input` -> InputChoice."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from colocate.errors import SpecError
from colocate.model.network_path import is_array
from colocate.model.request import InputChoice

# A dimension of more is none of any tensor in memory.
_SIZE_MAX = 2**40
# Python refuses to make a number of thousands of them.
_DIGITS_MAX = 100


def input_choices(shapes: Mapping[str, str], values: Mapping[str, str | float]) -> tuple[InputChoice, ...]:
    """One choice for each input that a study names: its shape, its value, or both.

    Raises SpecError for a text that is no shape, and for one that is no value.
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
    """`@batchx3x640x640` -> None, 3, 640, 640; an empty text is a scalar."""
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
    """A number, or the path of an array that a run finds from any folder."""
    try:
        number = float(value)
    except ValueError:
        if not is_array(str(value)):
            raise SpecError(f"--input {name}: give a number or the path of an .npy file, not {value!r}") from None
        return str(Path(str(value)).absolute())
    if not math.isfinite(number):
        raise SpecError(f"--input {name}: {value} is no number to feed")
    return number
