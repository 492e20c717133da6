"""TensorRT's library in any of its versions: what it says of failures, and how it builds an engine.

The code does not ask for the version but for names that exist: an FP16 flag or strongly typed networks, a workspace
size or a memory pool.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from colocate.worker.backends.onnx_header import opset_of
from colocate.worker.cuda.explanations import explained
from colocate.worker.errors import WorkerError
from colocate.worker.request import Request

# A version, and the newest opset that the parser was made for from then on (None if that is not known):
# https://github.com/onnx/onnx-tensorrt, docs/operators.md of each release.
_OPSETS = (((8, 0), 13), ((8, 4), 17), ((9, 0), None))


@contextlib.contextmanager
def keeping(what: str, folder: Path) -> "Iterator[None]":
    """Turn an OSError, raised while files are kept in the cache's `folder`, into a WorkerError; `what` names the
    files.
    """
    try:
        yield
    except OSError as error:
        raise WorkerError(
            f"cannot keep {what} in {folder}: {error.strerror}; "
            "make room or set XDG_CACHE_HOME to a folder of your own"
        ) from error


class TrtLibrary:
    """The module, its logger, and whether networks keep the types of their files (`strongly_typed`).

    `dla` is the number of a Jetson's DLA (deep learning accelerator) that runs what it can; None uses the GPU alone.
    """

    def __init__(self, trt: Any, dla: "int | None" = None) -> None:
        self.trt, self._dla, self._log = trt, dla, _log(trt)
        flag = trt.NetworkDefinitionCreationFlag
        # A DLA is told to compute in fp16, rather than by the types of the file, where there is a choice.
        self.strongly_typed = hasattr(flag, "STRONGLY_TYPED") and (dla is None or not hasattr(flag, "EXPLICIT_BATCH"))
        # Some operators are TensorRT's own plugins: they are needed before a network is read or an engine loaded.
        trt.init_libnvinfer_plugins(self._log, "")

    @property
    def reason(self) -> str:
        """What TensorRT has said of the current failure."""
        said: str = self._log.reason()
        return said

    def done(self, call: "Callable[..., Any]", *arguments: Any) -> Any:
        """Return what `call` returns. TensorRT reports a failure as None or False, a constructor as a TypeError.

        Raises WorkerError for each of these.
        """
        try:
            result, said = call(*arguments), ""
        except TypeError as error:
            result, said = None, str(error)
        if result is None or result is False:
            raise WorkerError(explained(f"TensorRT failed in {call.__name__}: {self.reason or said}"))
        # What went wrong on the way, such as a kernel that found no memory, did not matter.
        self._log.clear()
        return result

    def runtime(self) -> Any:
        """Return the runtime that loads engines; it must outlive them. Raises WorkerError if the DLA does not
        exist.
        """
        runtime = self.done(self.trt.Runtime, self._log)
        if self._dla is not None:
            if self._dla >= runtime.num_DLA_cores:
                raise WorkerError(
                    f"there is no DLA {self._dla}: this board has {runtime.num_DLA_cores}, counted from 0"
                )
            runtime.DLA_core = self._dla
        return runtime

    def built(self, request: Request, workspace_bytes: int, capability: "str | None" = None) -> bytes:
        """Return the engine of the request's network, for this GPU. TensorRT for RTX needs no GPU if it is given a
        `capability`, such as SM89. Raises WorkerError.
        """
        trt, content = self.trt, request.loaded.path.read_bytes()
        builder = self.done(trt.Builder, self._log)
        if not hasattr(builder, "build_serialized_network"):
            raise WorkerError(
                f"TensorRT {trt.__version__} is too old: 8.0 is the first that will do (on a Jetson, JetPack 4.6)"
            )
        definition = builder.create_network(self._creation_flags())
        parser = self.done(trt.OnnxParser, definition, self._log)
        if not parser.parse(content, str(request.loaded.path)):
            errors = "; ".join(parser.get_error(index).desc() for index in range(parser.num_errors))
            newer = _newer_opset(trt.__version__, content)
            raise WorkerError(explained(f"TensorRT cannot run {request.loaded.path}{newer}: {errors}"))
        config = builder.create_builder_config()
        if self._dla is not None:
            self._use_dla(self._dla, config, request)
        if not hasattr(config, "set_memory_pool_limit"):
            # Later versions use what they need; these nothing unless told, and so few of their kernels.
            config.max_workspace_size = workspace_bytes
        if request.precision == "fp16" and not self.strongly_typed:
            # Even where the file says so.
            config.set_flag(trt.BuilderFlag.FP16)
        if capability is not None:
            config.num_compute_capabilities = 1
            config.set_compute_capability(getattr(trt.ComputeCapability, capability), 0)
        return bytes(self.done(builder.build_serialized_network, definition, config))

    def _use_dla(self, number: int, config: Any, request: Request) -> None:
        """Let the DLA run each layer that it can, and the GPU the rest. Raises WorkerError for another precision than
        fp16.
        """
        if request.precision != "fp16":
            raise WorkerError(f"a DLA does not compute in {request.precision}: add --precision fp16")
        config.default_device_type = self.trt.DeviceType.DLA
        config.DLA_core = number
        config.set_flag(self.trt.BuilderFlag.GPU_FALLBACK)

    def _creation_flags(self) -> int:
        """The flags of a new network. It has the types of its file if the version can do that, as all do from 11 on.
        Otherwise the batch is made a dimension like any other.
        """
        flag = self.trt.NetworkDefinitionCreationFlag
        if not self.strongly_typed:
            return 1 << int(flag.EXPLICIT_BATCH)
        return 1 << int(flag.STRONGLY_TYPED) if hasattr(flag, "EXPLICIT_BATCH") else 0


def _newer_opset(version: str, content: bytes) -> str:
    """Return a remark if the file's opset is newer than what the parser was made for; else an empty text."""
    numbers = tuple(int(part) for part in version.split(".")[:2])
    known = [opset for since, opset in _OPSETS if numbers >= since]
    opset = opset_of(content)
    if not known or known[-1] is None or opset is None or opset <= known[-1]:
        return ""
    return f", which is of opset {opset} (TensorRT {version} knows {known[-1]}: export it with that)"


def _log(trt: Any) -> Any:
    """Return a logger that prints nothing, as a worker's output belongs to its parent, and keeps what explains a
    failure.
    """

    class Log(trt.ILogger):  # type: ignore[misc]
        """Keeps warnings and errors until they are cleared."""

        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self._said: "list[tuple[int, str]]" = []

        def log(self, severity: Any, message: str) -> None:
            if int(severity) <= int(trt.ILogger.WARNING):
                self._said.append((int(severity), message))

        def clear(self) -> None:
            self._said.clear()

        def reason(self) -> str:
            """The first message of the highest severity; later ones mostly follow from it."""
            return min(self._said, key=lambda entry: entry[0], default=(0, ""))[1]

    return Log()
