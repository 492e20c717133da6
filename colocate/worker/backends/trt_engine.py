"""The inputs and outputs of a TensorRT engine, through the API before version 8.5 or the one since."""

from typing import Any, NamedTuple, Tuple

import numpy as np

from colocate.worker.backends.trt_library import TrtLibrary
from colocate.worker.errors import WorkerError
from colocate.worker.request import NetworkFile, Request, TensorSpec

# TensorRT's types that numpy has, too. `tensorrt.nptype` fails with numpy 1.24 and newer in versions before 8.6.
_NUMPY = {"FLOAT": np.float32, "HALF": np.float16, "INT8": np.int8, "INT32": np.int32, "INT64": np.int64,
          "UINT8": np.uint8, "BOOL": np.bool_}  # fmt: skip


class EngineTensor(NamedTuple):
    """An input or output of an engine. A dimension that the engine leaves open is -1."""

    place: int
    name: str
    shape: Tuple[int, ...]
    type_name: str
    is_input: bool
    on_device: bool

    @property
    def is_open(self) -> bool:
        """Whether its shape is fixed only in a context."""
        return any(size < 0 for size in self.shape)

    @property
    def dtype(self) -> "np.dtype[Any]":
        """Its element type as numpy names it."""
        return np.dtype(_NUMPY[self.type_name])

    @property
    def words(self) -> str:
        """Its name, shape and type."""
        return f"{self.name} {_written(self.shape)} {self.dtype.name}"


def engine_tensors(trt: Any, engine: Any, file: NetworkFile) -> "list[EngineTensor]":
    """Return the inputs and outputs of an engine, in its order. Raises WorkerError for a type that numpy does not
    have.
    """
    found = _tensors(trt, engine)
    for tensor in found:
        if tensor.type_name not in _NUMPY:
            raise WorkerError(
                f"{tensor.name} in {file.path} is of {tensor.type_name}, which numpy does not have; "
                "give the network inputs and outputs of another type"
            )
    return found


def fed(request: Request, engine: Any, tensors: "list[EngineTensor]") -> NetworkFile:
    """Return the user's engine with what its inputs are fed: what the study chose, or a default that suits the input.

    Raises WorkerError if the engine has no such input, or another shape or batch.
    """
    file, inputs = request.loaded, [tensor for tensor in tensors if tensor.is_input]
    chosen = {spec.name: spec for spec in file.inputs}
    for name in chosen:
        if name not in {tensor.name for tensor in inputs}:
            known = ", ".join(tensor.name for tensor in inputs)
            raise WorkerError(f"{file.path} has no input '{name}'; it has {known}")
    # The shape of an array is known, that of other values only if the study chose one.
    shapes = {name: spec.shape for name, spec in chosen.items() if spec.shape or spec.file is not None}
    fixed = [tensor._replace(shape=_shape(request, engine, tensor, shapes.get(tensor.name))) for tensor in inputs]
    # As in a network's file, the first dimension of two or more counts images.
    batch = next((tensor.shape[0] for tensor in fixed if len(tensor.shape) > 1), request.batch)
    if batch != request.batch:
        words = ", ".join(tensor.words for tensor in fixed)
        raise WorkerError(f"{file.path} is of batch {batch}, not {request.batch}: add --batch {batch} ({words})")
    return file._replace(inputs=tuple(_filled(tensor, chosen.get(tensor.name)) for tensor in fixed))


def set_shapes(library: TrtLibrary, context: Any, tensors: "list[EngineTensor]", file: NetworkFile) -> None:
    """Set the open input shapes in `context` to those that `file` feeds. Raises WorkerError."""
    shapes = {spec.name: spec.shape for spec in file.inputs}
    for tensor in tensors:
        if tensor.is_input and tensor.is_open:
            shape = shapes[tensor.name]
            if hasattr(context, "set_input_shape"):
                library.done(context.set_input_shape, tensor.name, shape)
            else:
                library.done(context.set_binding_shape, tensor.place, shape)


def settled(context: Any, tensors: "list[EngineTensor]", file: NetworkFile) -> "list[EngineTensor]":
    """Return the inputs and outputs with their shapes in `context`. Raises WorkerError for one without a fixed size,
    or not on the GPU.
    """
    if hasattr(context, "get_tensor_shape"):
        found = [tensor._replace(shape=tuple(context.get_tensor_shape(tensor.name))) for tensor in tensors]
    else:
        found = [tensor._replace(shape=tuple(context.get_binding_shape(tensor.place))) for tensor in tensors]
    for tensor in found:
        if not tensor.on_device or not all(size > 0 for size in tensor.shape):
            raise WorkerError(
                f"the shape of {tensor.name} in {file.path} is not fixed; try --backend onnxruntime-cuda"
                f"{' with the .onnx file that it was built from' if file.engine else ''}"
            )
    return found


def _shape(
    request: Request, engine: Any, tensor: EngineTensor, chosen: "tuple[int, ...] | None"
) -> "tuple[int, ...]":
    """Return the shape of an input: the one that the study chose, or the one that the engine was optimised for. An
    open first dimension is the study's batch.
    """
    own, path = tensor.shape, request.loaded.path
    if chosen is not None and (len(chosen) != len(own) or any(known not in (-1, n) for n, known in zip(chosen, own))):
        raise WorkerError(f"input '{tensor.name}' is {_written(own)} in {path}, not {_written(chosen)}")
    if not tensor.is_open:
        return own
    if hasattr(engine, "get_tensor_profile_shape"):
        profile = engine.get_tensor_profile_shape(tensor.name, 0)
    else:
        profile = engine.get_profile_shape(0, tensor.place)
    least, (first, *others), most = map(tuple, profile)
    shape = chosen or (request.batch if own[0] < 0 and others else first, *others)
    if not all(low <= size <= high for low, size, high in zip(least, shape, most)):
        raise WorkerError(
            f"input '{tensor.name}' may be {_written(least)} to {_written(most)} in {path}, not {_written(shape)}: "
            "choose another --batch or --shape"
        )
    return shape


def _filled(tensor: EngineTensor, chosen: "TensorSpec | None") -> TensorSpec:
    """Return how an input is filled: as the study chose, or by default. Default integers are 0 or 1, so that they can
    index any table.
    """
    name, shape, dtype = tensor.name, tensor.shape, tensor.dtype.name
    if chosen is not None and chosen.constant is not None and not _holds(tensor.dtype, chosen.constant):
        number = chosen.constant
        raise WorkerError(f"--input {name}={number:g}: the input is of {dtype}, which cannot hold that number")
    if chosen is not None and (chosen.constant is not None or chosen.file is not None):
        return chosen._replace(shape=shape, dtype=dtype)
    if dtype == "bool" or not shape:
        return TensorSpec(name, shape, dtype, constant=1.0)
    return TensorSpec(name, shape, dtype) if tensor.dtype.kind == "f" else TensorSpec(name, shape, dtype, 0, 2)


def _holds(dtype: "np.dtype[Any]", number: float) -> bool:
    with np.errstate(all="ignore"):
        stored = np.asarray(number).astype(dtype)
    return bool(np.isfinite(stored) if dtype.kind == "f" else stored == number)


def _written(shape: "tuple[int, ...]") -> str:
    return "x".join("?" if size < 0 else str(size) for size in shape) or "scalar"


def _tensors(trt: Any, engine: Any) -> "list[EngineTensor]":
    if not hasattr(engine, "num_io_tensors"):
        # Before 8.5 they are places in a list.
        return [
            EngineTensor(
                place,
                engine.get_binding_name(place),
                tuple(engine.get_binding_shape(place)),
                engine.get_binding_dtype(place).name,
                bool(engine.binding_is_input(place)),
                engine.get_location(place) == trt.TensorLocation.DEVICE,
            )
            for place in range(engine.num_bindings)
        ]
    return [
        EngineTensor(
            place,
            name,
            tuple(engine.get_tensor_shape(name)),
            engine.get_tensor_dtype(name).name,
            engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT,
            engine.get_tensor_location(name) == trt.TensorLocation.DEVICE,
        )
        for place, name in enumerate(map(engine.get_tensor_name, range(engine.num_io_tensors)))
    ]
