"""What an engine of TensorRT says of itself, by the API of either time."""

from typing import Any, NamedTuple, Tuple

import numpy as np

from colocate.worker.errors import WorkerError
from colocate.worker.request import NetworkFile, Request, TensorSpec

# TensorRT's types that numpy has, too. `tensorrt.nptype` fails with numpy 1.24 and newer in versions before 8.6.
_NUMPY = {"FLOAT": np.float32, "HALF": np.float16, "INT8": np.int8, "INT32": np.int32, "INT64": np.int64,
          "UINT8": np.uint8, "BOOL": np.bool_}  # fmt: skip


class EngineTensor(NamedTuple):
    """An input or output of an engine."""

    name: str
    shape: Tuple[int, ...]
    type_name: str
    is_input: bool
    on_device: bool

    @property
    def dtype(self) -> "np.dtype[Any]":
        """Numpy's."""
        return np.dtype(_NUMPY[self.type_name])

    @property
    def words(self) -> str:
        """Its name, shape and type."""
        return f"{self.name} {'x'.join(map(str, self.shape)) or 'scalar'} {self.dtype.name}"


def engine_tensors(trt: Any, engine: Any, file: NetworkFile) -> "list[EngineTensor]":
    """The inputs and outputs of an engine, in their order. Raises WorkerError for one that has no place of fixed size
    on the GPU, or a type that numpy does not have.
    """
    found = _tensors(trt, engine)
    otherwise = "build it with fixed shapes" if file.engine else "try --backend onnxruntime-cuda"
    for tensor in found:
        named = f"{tensor.name} in {file.path}"
        if not tensor.on_device or not all(size > 0 for size in tensor.shape):
            raise WorkerError(f"the shape of {named} is not fixed; {otherwise}")
        if tensor.type_name not in _NUMPY:
            raise WorkerError(
                f"{named} is of {tensor.type_name}, which numpy does not have; "
                "give the network inputs and outputs of another type"
            )
    return found


def fed(request: Request, tensors: "list[EngineTensor]") -> NetworkFile:
    """The user's engine with what its inputs are fed: what the study chose, or else what suits them.

    Raises WorkerError for an input that it does not have, and for another batch than its own.
    """
    file, inputs = request.loaded, [tensor for tensor in tensors if tensor.is_input]
    chosen = {spec.name: spec for spec in file.inputs}
    for name in chosen:
        if name not in {tensor.name for tensor in inputs}:
            known = ", ".join(tensor.name for tensor in inputs)
            raise WorkerError(f"--input {name}: {file.path} has no such input; it has {known}")
    # As of a file: the first dimension of two or more counts images.
    batch = next((tensor.shape[0] for tensor in inputs if len(tensor.shape) > 1), request.batch)
    if batch != request.batch:
        words = ", ".join(tensor.words for tensor in inputs)
        raise WorkerError(f"{file.path} is of batch {batch}, not {request.batch}; ask for that ({words})")
    return file._replace(inputs=tuple(_filled(tensor, chosen.get(tensor.name)) for tensor in inputs))


def _filled(tensor: EngineTensor, chosen: "TensorSpec | None") -> TensorSpec:
    """Of integers zeros and ones, as they may index a table of any length."""
    name, shape, dtype = tensor.name, tensor.shape, tensor.dtype.name
    number = None if chosen is None else chosen.constant
    if number is not None and tensor.dtype.kind != "f" and np.asarray(number).astype(dtype) != number:
        raise WorkerError(f"--input {name}={number:g}: the input is of {dtype}, which cannot hold that number")
    if chosen is not None:
        return chosen._replace(shape=shape, dtype=dtype)
    if dtype == "bool" or not shape:
        return TensorSpec(name, shape, dtype, constant=1.0)
    return TensorSpec(name, shape, dtype) if tensor.dtype.kind == "f" else TensorSpec(name, shape, dtype, 0, 2)


def _tensors(trt: Any, engine: Any) -> "list[EngineTensor]":
    if not hasattr(engine, "num_io_tensors"):
        # Before 8.5 they are places in a list.
        return [
            EngineTensor(
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
            name,
            tuple(engine.get_tensor_shape(name)),
            engine.get_tensor_dtype(name).name,
            engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT,
            engine.get_tensor_location(name) == trt.TensorLocation.DEVICE,
        )
        for name in map(engine.get_tensor_name, range(engine.num_io_tensors))
    ]
