"""A user's own .onnx file: read, checked, and given a fixed batch size."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import ModelProto, TensorProto, ValueInfoProto
from onnx.external_data_helper import ExternalDataInfo

from colocate.errors import SpecError

DTYPES: dict[int, str] = {
    TensorProto.FLOAT: "float32",
    TensorProto.FLOAT16: "float16",
    TensorProto.UINT8: "uint8",
    TensorProto.INT8: "int8",
    TensorProto.INT64: "int64",
}
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


def check(path: Path, model: ModelProto) -> None:
    """Raise SpecError when `model`, read from `path`, is not valid ONNX or a file of weights is missing."""
    for info in _external(model):
        file = path.parent / info.location
        if not file.is_file():
            raise SpecError(f"{path} keeps weights in {file}, which does not exist; copy it there as well")
        if file.stat().st_size < (info.offset or 0) + (info.length or 0):
            raise SpecError(f"{file}, which holds weights of {path}, is cut short; copy it again")
    try:
        onnx.checker.check_model(path)
    except onnx.checker.ValidationError as error:
        said = str(error).splitlines() or ["it is damaged"]
        raise SpecError(f"{path} is not a valid ONNX network: {said[0]}") from error
    except UnicodeDecodeError as error:
        # The checker's own message quotes a name that is no text.
        raise SpecError(f"{path} is not a valid ONNX network: it is damaged") from error


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
    """What a window feeds, one at least: each of a type that `DTYPES` lists and of known rank.

    Raises SpecError for a model of another kind.
    """
    stored = {tensor.name for tensor in model.graph.initializer}
    found = tuple(value for value in model.graph.input if value.name not in stored)
    if not found:
        raise SpecError(f"{path} has no input: there is nothing to feed it")
    for value in found:
        tensor = value.type.tensor_type
        if tensor.elem_type not in DTYPES:
            kinds = {number: kind.lower() for kind, number in TensorProto.DataType.items()}
            kind = kinds.get(tensor.elem_type, f"number {tensor.elem_type}")
            known = ", ".join(DTYPES.values())
            raise SpecError(f"input '{value.name}' of {path} is of type {kind}; supported are {known}")
        if not tensor.shape.dim:
            raise SpecError(f"input '{value.name}' of {path} has no dimensions; export it with a batch dimension")
    return found


def needs_batch(path: Path, values: Sequence[ValueInfoProto], batch: int) -> bool:
    """Whether the first dimension of the inputs `values` is open and must be set to `batch`.

    Raises SpecError when another dimension is open, or only some of the first, or when the model was exported for
    another batch size (`batch` 1 takes it as it is).
    """
    for value in values:
        _, *others = value.type.tensor_type.shape.dim
        # Exporters mark an open dimension by a name, by nothing, or by a size below 1.
        names = [f"{i} ({dim.dim_param or 'unnamed'})" for i, dim in enumerate(others, 1) if dim.dim_value < 1]
        if names:
            raise SpecError(
                f"input '{value.name}' of {path} leaves dimension {', '.join(names)} open; export it with fixed sizes"
            )
    first = values[0].type.tensor_type.shape.dim[0]
    if len({value.type.tensor_type.shape.dim[0].dim_value < 1 for value in values}) > 1:
        raise SpecError(f"{path} leaves the first dimension of some inputs open; export it with fixed sizes")
    if first.dim_value < 1:
        return True
    if batch not in (1, first.dim_value):
        raise SpecError(
            f"{path} was exported for batch {first.dim_value}, not {batch}; "
            "ask for that batch, or export it with a dynamic first dimension"
        )
    return False


def with_batch(path: Path, batch: int) -> bytes:
    """The model, its weights included, with the open batch dimension set wherever its name occurs.

    Raises SpecError when it is too large to be copied into one file.
    """
    size_bytes = sum(file.stat().st_size for file in (path, *weight_files(path, read(path))))
    if size_bytes > _MESSAGE_LIMIT_BYTES:
        raise SpecError(f"{path} is too large to set its batch size here; export it with batch {batch}")
    model = onnx.load(path, format="protobuf")
    firsts = [value.type.tensor_type.shape.dim[0] for value in inputs(path, model)]
    symbols = {first.dim_param for first in firsts} - {""}
    for first in firsts:
        first.dim_value = batch
    for value in (*model.graph.input, *model.graph.value_info, *model.graph.output):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in symbols:
                dim.dim_value = batch
    content: bytes = model.SerializeToString()
    return content


def _external(model: ModelProto) -> list[ExternalDataInfo]:
    return [ExternalDataInfo(t) for t in model.graph.initializer if t.data_location == TensorProto.EXTERNAL]


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
