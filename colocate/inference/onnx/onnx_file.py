"""A user's own .onnx file: read, its weights found, and given fixed shapes."""

from __future__ import annotations

import contextlib
import hashlib
import math
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import ModelProto, ValueInfoProto

from colocate.bounded import bounded
from colocate.errors import SpecError
from colocate.inference.onnx import external_data, operators, size

# A protobuf message cannot be larger: weights in files of their own may come to more.
_MESSAGE_LIMIT_BYTES = 2**31 - 1
# Initializers of up to this many elements keep their data: from some, shapes of later layers follow.
_SMALL_ELEMENTS = 256
_DATA_FIELDS = ("raw_data", "float_data", "int32_data", "int64_data", "double_data", "uint64_data")
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class OnnxFile:
    """What is in the file at `path`: a `model` whose larger initializers have shapes and no data, and the files
    beside it that hold its weights.
    """

    path: Path
    model: ModelProto
    weight_files: tuple[Path, ...]

    @property
    def inputs(self) -> tuple[ValueInfoProto, ...]:
        """See `inputs`."""
        return inputs(self.path, self.model)


def opened(path: Path) -> OnnxFile:
    """The file at `path`, read in a child with limits. Raises SpecError when it holds no network or too large a one,
    when a file of its weights is missing, and where a node does not have what its operator needs.
    """

    def stripped() -> tuple[bytes, tuple[Path, ...]]:
        parsed = _parsed(path)
        external = external_data.external_tensors(path, parsed)
        external_data.check(path, external)
        external_data.take_in(each for each in external if math.prod(each.tensor.dims) <= _SMALL_ELEMENTS)
        for tensor in parsed.graph.initializer:
            if math.prod(tensor.dims) > _SMALL_ELEMENTS:
                for data in _DATA_FIELDS:
                    tensor.ClearField(data)
        return parsed.SerializeToString(), tuple(sorted({each.file for each in external}))

    content, weight_files = bounded(stripped, str(path), size_bytes(path))
    return OnnxFile(path, ModelProto.FromString(content), weight_files)


def read(path: Path) -> ModelProto:
    """The model of the file at `path`; see `opened`."""
    return opened(path).model


def whole(path: Path) -> ModelProto:
    """The model with all its weights, those in other files included. Raises SpecError as `opened` does."""
    model = _parsed(path)
    external = external_data.external_tensors(path, model)
    external_data.check(path, external)
    external_data.take_in(external)
    return model


def size_bytes(*paths: Path) -> int:
    """The size of all these files together. Raises SpecError for one that cannot be one message, or cannot be looked
    at.
    """
    total = 0
    for path in paths:
        check_regular(path)
        try:
            total += path.stat().st_size
        except FileNotFoundError as error:
            raise SpecError(f"there is no file {path}; name the file of a network that is there") from error
        except OSError as error:
            raise SpecError(f"cannot read {path}: {error.strerror}") from error
    return total


def check_regular(path: Path) -> None:
    """Raise SpecError for a pipe or a device: a file is read several times, by several processes."""
    # What cannot be looked at cannot be read either, which says why.
    with contextlib.suppress(OSError):
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise SpecError(f"{path} is a pipe or a device; write what it gives into a file")


def sha256(*paths: Path) -> str:
    """Hex digest of the files' bytes, one after the other; of a single file, what `sha256sum` prints."""
    digest = hashlib.sha256()
    for path in paths:
        for chunk in _chunks(path):
            digest.update(chunk)
    return digest.hexdigest()


def inputs(path: Path, model: ModelProto) -> tuple[ValueInfoProto, ...]:
    """What a window feeds, one at least. Raises SpecError for a model that is fed nothing."""
    stored = {tensor.name for tensor in model.graph.initializer}
    stored |= {tensor.values.name for tensor in model.graph.sparse_initializer}
    found = tuple(value for value in model.graph.input if value.name not in stored)
    if not found:
        raise SpecError(f"{path} has no input: there is nothing to feed it")
    return found


def is_fixed(values: Sequence[ValueInfoProto]) -> bool:
    """Whether every dimension of the inputs `values` has a size."""
    return all(
        value.type.tensor_type.HasField("shape")
        and all(dim.dim_value > 0 for dim in value.type.tensor_type.shape.dim)
        for value in values
    )


def fits_one_file(file: OnnxFile) -> bool:
    """Whether the model with all its weights can be written as one file."""
    return size_bytes(file.path, *file.weight_files) <= _MESSAGE_LIMIT_BYTES


def with_shapes(model: ModelProto, shapes: Mapping[str, Sequence[int]], sizes: Mapping[str, int]) -> ModelProto:
    """A copy of `model`, its inputs of these `shapes` by their names, and dimensions that have a name of these
    `sizes` wherever it occurs.
    """
    fixed = ModelProto()
    fixed.CopyFrom(model)
    for value in fixed.graph.input:
        if value.name not in shapes:
            continue
        shape = value.type.tensor_type.shape
        # Where not even their number is known.
        shape.SetInParent()
        for _ in range(len(shapes[value.name]) - len(shape.dim)):
            shape.dim.add()
        for dim, wanted in zip(shape.dim, shapes[value.name], strict=True):
            dim.dim_value = wanted
    for value in (*fixed.graph.value_info, *fixed.graph.output):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in sizes:
                dim.dim_value = sizes[dim.dim_param]
    return fixed


def _parsed(path: Path) -> ModelProto:
    if size_bytes(path) > _MESSAGE_LIMIT_BYTES:
        raise SpecError(
            f"{path} has {size_bytes(path)} bytes, and an ONNX file at the most {_MESSAGE_LIMIT_BYTES}; keep its "
            "weights in files of their own"
        )
    try:
        model = onnx.load(path, format="protobuf", load_external_data=False)
    except FileNotFoundError as error:
        raise SpecError(f"there is no file {path}; name the file of a network that is there") from error
    except OSError as error:
        raise SpecError(f"cannot read {path}: {error.strerror}") from error
    except DecodeError as error:
        raise SpecError(f"{path} is not an ONNX file, or a part of it is missing") from error
    if not model.graph.node:
        raise SpecError(f"{path} is not an ONNX file: it holds no network")
    try:
        size.check(model)
        operators.check(model)
    except SpecError as error:
        raise SpecError(f"{path}: {error}") from error
    return model


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
