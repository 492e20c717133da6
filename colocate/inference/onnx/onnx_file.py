"""A user's own .onnx file: reading it, finding its weights, and giving it fixed shapes."""

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

# The largest protobuf message. Weights in files of their own do not count.
_MESSAGE_LIMIT_BYTES = 2**31 - 1
# Initializers of up to this many elements keep their data, because shapes of later layers may depend on it.
_SMALL_ELEMENTS = 256
_DATA_FIELDS = ("raw_data", "float_data", "int32_data", "int64_data", "double_data", "uint64_data")
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class OnnxFile:
    """The content of the file at `path`: a `model` whose larger initializers have shapes but no data, and the files
    beside it that hold weights.
    """

    path: Path
    model: ModelProto
    weight_files: tuple[Path, ...]

    @property
    def inputs(self) -> tuple[ValueInfoProto, ...]:
        """The inputs of the model; see the function `inputs`."""
        return inputs(self.path, self.model)


def opened(path: Path) -> OnnxFile:
    """Return the file at `path`, read in a child process with limits. Raises SpecError if it holds no network or one
    that is too large, if a file of weights is missing, and if a node misses what its operator requires.
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
    """Return the model of the file at `path`; see `opened`."""
    return opened(path).model


def whole(path: Path) -> ModelProto:
    """Return the model with all its weights, including those in other files. Raises SpecError as `opened` does."""
    model = _parsed(path)
    external = external_data.external_tensors(path, model)
    external_data.check(path, external)
    external_data.take_in(external)
    return model


def size_bytes(*paths: Path) -> int:
    """Return the size of all these files together. Raises SpecError for a pipe, a device and an unreadable path."""
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
    """Raise SpecError for a pipe or a device, because several processes read a file several times."""
    # A file that cannot be accessed gives its error when it is read.
    with contextlib.suppress(OSError):
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise SpecError(f"{path} is a pipe or a device; write what it gives into a file")


def sha256(*paths: Path) -> str:
    """Return the hex SHA-256 of the files' bytes, one after the other; for a single file, what `sha256sum` prints."""
    digest = hashlib.sha256()
    for path in paths:
        for chunk in _chunks(path):
            digest.update(chunk)
    return digest.hexdigest()


def inputs(path: Path, model: ModelProto) -> tuple[ValueInfoProto, ...]:
    """Return the inputs that a window must feed, at least one. Raises SpecError for a model without any."""
    stored = {tensor.name for tensor in model.graph.initializer}
    stored |= {tensor.values.name for tensor in model.graph.sparse_initializer}
    found = tuple(value for value in model.graph.input if value.name not in stored)
    if not found:
        raise SpecError(f"{path} has no input: there is nothing to feed it")
    return found


def is_fixed(values: Sequence[ValueInfoProto]) -> bool:
    """Whether every dimension of the inputs `values` has a fixed size."""
    return all(
        value.type.tensor_type.HasField("shape")
        and all(dim.dim_value > 0 for dim in value.type.tensor_type.shape.dim)
        for value in values
    )


def fits_one_file(file: OnnxFile) -> bool:
    """Whether the model with all its weights can be written as one file."""
    return size_bytes(file.path, *file.weight_files) <= _MESSAGE_LIMIT_BYTES


def with_shapes(model: ModelProto, shapes: Mapping[str, Sequence[int]], sizes: Mapping[str, int]) -> ModelProto:
    """Return a copy of `model` whose inputs have these `shapes`, by name. Named dimensions of other tensors get their
    size from `sizes`.
    """
    fixed = ModelProto()
    fixed.CopyFrom(model)
    for value in fixed.graph.input:
        if value.name not in shapes:
            continue
        shape = value.type.tensor_type.shape
        # The number of dimensions may be unknown, too.
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
