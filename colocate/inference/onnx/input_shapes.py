"""The shape in which each input of a network is fed: chosen by the study, or else guessed from the graph.

A study can override each guess. Open dimensions are those without a fixed size:

- The batch is a dimension with such a name (`batch`, `N`), else the middle one of a recurrent state, else the first.
- In an image (rank 4, with 1, 3 or 4 channels) open channels are 3 and open sides 224, a multiple of 32.
- A dimension whose name contains `past` or `cache` is 0, and any other open one is a sequence of 128.

Dimensions of the same name have the same size in all inputs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import GraphProto, ValueInfoProto

from colocate.errors import SpecError
from colocate.inference.onnx.onnx_file import check_regular
from colocate.model.request import InputChoice
from colocate.worker.inputs import FED_KINDS

IMAGE_SIDE, SEQUENCE_LENGTH = 224, 128

_BATCH = re.compile(r"n|b|bs|.*batch.*", re.IGNORECASE)
_PAST = re.compile(r".*(past|cache).*", re.IGNORECASE)
_SEQUENCE = re.compile(r"[tls]|.*(seq|len|time|token|frame|step|sample).*", re.IGNORECASE)
# What exporters write for a dimension without a name.
_NAMELESS = frozenset(("", "?", "None"))
_CHANNELS = (1, 3, 4)
_RECURRENT = frozenset(("LSTM", "GRU", "RNN"))

# What an input can be other than an array, by the field of its type.
_NO_ARRAYS = {
    "sequence_type": "a sequence",
    "map_type": "a map",
    "optional_type": "an optional",
    "sparse_tensor_type": "a sparse tensor",
    "opaque_type": "opaque",
    None: "of no type",
}

Dimension = int | str


@dataclass(frozen=True, slots=True)
class InputDimensions:
    """The dimensions of one input. Each is a size, or the name of an open dimension, which is empty if it has none.

    `declared` are the file's; `dims` are these with the sizes that the study chose. `batch_axis` is the index of the
    dimension that counts images or sequences; None if there is none.
    """

    name: str
    declared: tuple[Dimension, ...]
    dims: tuple[Dimension, ...]
    batch_axis: int | None

    @property
    def own_batch(self) -> int | None:
        """The batch size that the file or the study fixes; None if neither does."""
        dim = None if self.batch_axis is None else self.dims[self.batch_axis]
        return dim if isinstance(dim, int) else None

    def why_only(self, own: int, batch: int | None) -> str:
        """Return why the input accepts the batch size `own` and not `batch`."""
        if self.batch_axis is not None and isinstance(self.declared[self.batch_axis], int):
            return f"the file is of batch {own}, not {batch}; ask for that, or export it with a dynamic batch"
        return (
            f"what is chosen for input '{self.name}', by --shape or as an array, is of batch {own}, not {batch}; "
            f"ask for that, or choose another"
        )

    @property
    def is_open(self) -> bool:
        """Whether any dimension other than the batch must be guessed."""
        return any(isinstance(dim, str) and axis != self.batch_axis for axis, dim in enumerate(self.dims))

    def shape(self, batch: int, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """Return the shape to feed, with the `sizes` of dimensions that have a name."""
        return tuple(
            dim if isinstance(dim, int) else sizes[dim] if dim else self.guess(axis, batch)
            for axis, dim in enumerate(self.dims)
        )

    def guess(self, axis: int, batch: int) -> int:
        """Return the size to use for the open dimension at index `axis`."""
        dim, dims = str(self.dims[axis]), self.dims
        if axis == self.batch_axis or _BATCH.fullmatch(dim):
            return batch
        if _PAST.fullmatch(dim or self.name):
            return 0
        if len(dims) == 4 and not _SEQUENCE.fullmatch(dim):
            channels_last = dims[3] in _CHANNELS
            if axis == 1 and not channels_last:
                return _CHANNELS[1]
            if dims[1] in _CHANNELS or channels_last or not isinstance(dims[1], int):
                return IMAGE_SIDE
        return SEQUENCE_LENGTH


def read_dimensions(graph: GraphProto, value: ValueInfoProto, choice: InputChoice | None) -> InputDimensions:
    """Return the dimensions of the input `value`. Raises SpecError if it is no array or its rank is unknown, and for
    a choice that contradicts the file or cannot be read.
    """
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        raise SpecError(f"input '{value.name}' is {_NO_ARRAYS[kind]}, which cannot be fed: only arrays can")
    chosen, chosen_axis = (None, None) if choice is None else chosen_shape(choice)
    tensor = value.type.tensor_type
    if tensor.HasField("shape"):
        # Exporters mark an open dimension by a name, by nothing, or by a size below 1.
        declared: tuple[Dimension, ...] = tuple(
            dim.dim_value if dim.dim_value > 0 else "" if dim.dim_param in _NAMELESS else dim.dim_param
            for dim in tensor.shape.dim
        )
    elif chosen is not None:
        declared = ("",) * len(chosen)
    else:
        raise SpecError(
            f"the file does not say how many dimensions '{value.name}' has; give --shape {value.name}=..."
        )
    axis = _guessed_batch_axis(graph, value.name, declared)
    if chosen is None:
        return InputDimensions(value.name, declared, declared, axis)
    if not _fits(chosen, declared):
        raise SpecError(f"input '{value.name}' is {_written(declared)} in the file, not {_written(chosen)}")
    dims = tuple(dim if size is None else size for dim, size in zip(declared, chosen, strict=True))
    if chosen_axis is not None:
        axis = chosen_axis
    elif axis is not None and dims[axis] == 0:
        # An empty dimension does not count a batch.
        axis = None
    return InputDimensions(value.name, declared, dims, axis)


def named_sizes(inputs: Sequence[InputDimensions], batch: int) -> dict[str, int]:
    """Return the size of each dimension that has a name; for a sum such as `past + 1`, the sum of its parts."""
    sizes = {
        symbol: dim
        for each in inputs
        for symbol, dim in zip(each.declared, each.dims, strict=True)
        if isinstance(symbol, str) and isinstance(dim, int) and symbol
    }
    named = [
        (each, axis, dim) for each in inputs for axis, dim in enumerate(each.dims) if isinstance(dim, str) and dim
    ]
    for each, axis, dim in named:
        if "+" not in dim:
            sizes.setdefault(dim, each.guess(axis, batch))
    for _, _, dim in named:
        if "+" in dim:
            parts = [part.strip() for part in dim.split("+")]
            known = [int(part) if part.isdecimal() else sizes.get(part, SEQUENCE_LENGTH) for part in parts]
            sizes.setdefault(dim, sum(known))
    return sizes


def _guessed_batch_axis(graph: GraphProto, name: str, dims: Sequence[Dimension]) -> int | None:
    named = [axis for axis, dim in enumerate(dims) if isinstance(dim, str) and _BATCH.fullmatch(dim)]
    if named:
        return named[0]
    if len(dims) < 2 or _is_length(dims[0]):
        return None
    if len(dims) == 3 and (_is_recurrent(graph, name) or _is_open_between_two(dims)):
        return 1
    return 0


def _is_length(dim: Dimension) -> bool:
    return isinstance(dim, str) and bool(_PAST.fullmatch(dim) or _SEQUENCE.fullmatch(dim))


def _is_open_between_two(dims: Sequence[Dimension]) -> bool:
    return [isinstance(dim, int) for dim in dims] == [True, False, True] and not _is_length(dims[1])


def _is_recurrent(graph: GraphProto, name: str) -> bool:
    """Whether a recurrent layer reads this input with time as the first dimension, which is ONNX's default."""
    return any(
        node.op_type in _RECURRENT
        and name in (*node.input[:1], *node.input[5:7])
        and not any(attribute.name == "layout" and attribute.i for attribute in node.attribute)
        for node in graph.node
    )


def _fits(chosen: Sequence[int | None], declared: Sequence[Dimension]) -> bool:
    return len(chosen) == len(declared) and all(
        size == dim or isinstance(dim, str) for size, dim in zip(chosen, declared, strict=True) if size is not None
    )


def _written(dims: Sequence[Dimension | None]) -> str:
    """Return a shape as a flag writes it; `?` is an open dimension without a name."""
    return "x".join("@batch" if dim is None else str(dim) or "?" for dim in dims) or "a scalar"


def chosen_shape(choice: InputChoice) -> tuple[tuple[int | None, ...] | None, int | None]:
    """Return the chosen shape, which for an array is its own, and the axis that the choice marks as the batch. Each
    is None if not chosen.

    Raises SpecError for an array that cannot be read or fed, and one that contradicts the shape chosen beside it.
    """
    axis = choice.shape.index(None) if choice.shape and None in choice.shape else None
    if not isinstance(choice.value, str):
        return choice.shape, axis
    stored = _stored_shape(choice.name, choice.value)
    if choice.shape is not None and not _fits(choice.shape, stored):
        told = _written(choice.shape)
        raise SpecError(f"{choice.value} is {_written(stored)}, and not {told} as in --shape {choice.name}={told}")
    return stored, axis


def _stored_shape(name: str, path: str) -> tuple[int, ...]:
    try:
        check_regular(Path(path))
        array: npt.NDArray[Any] = np.lib.format.open_memmap(path, mode="r")
    except OSError as error:
        raise SpecError(f"cannot read the input {path}: {error.strerror or error}") from error
    except (ValueError, EOFError) as error:
        raise SpecError(f"{path} is no array of numpy, as numpy.save writes it: {error}") from error
    if array.dtype.kind not in FED_KINDS:
        raise SpecError(f"input '{name}': {path} holds {array.dtype}; only numbers and booleans can be fed")
    return tuple(array.shape)
