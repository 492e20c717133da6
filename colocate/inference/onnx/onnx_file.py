"""A user's own .onnx file: read, its weights found, and given fixed shapes."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import ModelProto, TensorProto, ValueInfoProto
from onnx.external_data_helper import ExternalDataInfo

from colocate.errors import SpecError

# A protobuf message cannot be larger: weights in files of their own may come to more.
_MESSAGE_LIMIT_BYTES = 2**31 - 1
# Initializers of up to this many elements keep their data: from some, shapes of later layers follow.
_SMALL_ELEMENTS = 256
_DATA_FIELDS = ("raw_data", "float_data", "int32_data", "int64_data", "double_data", "uint64_data")
_CHUNK_BYTES = 1 << 20


def read(path: Path) -> ModelProto:
    """The model; its larger initializers have shapes and no data. Raises SpecError when there is none."""
    try:
        model = onnx.load(path, format="protobuf", load_external_data=False)
    except FileNotFoundError as error:
        raise SpecError(f"there is no file {path}") from error
    except OSError as error:
        raise SpecError(f"cannot read {path}: {error.strerror}") from error
    except DecodeError as error:
        raise SpecError(f"{path} is not an ONNX file, or a part of it is missing") from error
    if not model.graph.node:
        raise SpecError(f"{path} is not an ONNX file: it holds no network")
    for tensor in model.graph.initializer:
        if math.prod(tensor.dims) > _SMALL_ELEMENTS:
            for data in _DATA_FIELDS:
                tensor.ClearField(data)
    return model


def check_weights(path: Path, model: ModelProto) -> None:
    """Raise SpecError when a file of weights of `model` in `path` is missing. The rest the runtime judges."""
    for info in _external(model):
        file = path.parent / info.location
        if not file.is_file():
            raise SpecError(f"{path} keeps weights in {file}, which does not exist; copy it there as well")
        if file.stat().st_size < (info.offset or 0) + (info.length or 0):
            raise SpecError(f"{file}, which holds weights of {path}, is cut short; copy it again")


def weight_files(path: Path, model: ModelProto) -> tuple[Path, ...]:
    """The files beside `path` that hold weights of `model`."""
    return tuple(path.parent / location for location in sorted({info.location for info in _external(model)}))


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


def fits_one_file(path: Path, model: ModelProto) -> bool:
    """Whether `model` with all its weights can be written as one file."""
    return sum(file.stat().st_size for file in (path, *weight_files(path, model))) <= _MESSAGE_LIMIT_BYTES


def with_shapes(path: Path, shapes: Mapping[str, Sequence[int]], sizes: Mapping[str, int]) -> bytes:
    """The model, its weights included, its inputs of these `shapes` by their names, and dimensions that have a name
    of these `sizes` wherever it occurs.
    """
    model = onnx.load(path, format="protobuf")
    for value in inputs(path, model):
        shape = value.type.tensor_type.shape
        # Where not even their number is known.
        shape.SetInParent()
        for _ in range(len(shapes[value.name]) - len(shape.dim)):
            shape.dim.add()
        for dim, size in zip(shape.dim, shapes[value.name], strict=True):
            dim.dim_value = size
    for value in (*model.graph.value_info, *model.graph.output):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in sizes:
                dim.dim_value = sizes[dim.dim_param]
    content: bytes = model.SerializeToString()
    return content


def _external(model: ModelProto) -> list[ExternalDataInfo]:
    return [ExternalDataInfo(t) for t in model.graph.initializer if t.data_location == TensorProto.EXTERNAL]


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
