"""ONNX Runtime on an NVIDIA GPU."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime as ort

from colocate.worker.backend import Facts
from colocate.worker.backends.ort_session import load, session_options
from colocate.worker.cuda.explanations import explained
from colocate.worker.cuda.open import opened
from colocate.worker.errors import WorkerError, one_line
from colocate.worker.inputs import input_arrays
from colocate.worker.request import RESIDENT, NetworkFile, Request

if TYPE_CHECKING:
    import numpy.typing as npt

_PROVIDER = "CUDAExecutionProvider"
_NUMPY = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(int64)": np.int64}


class OnnxRuntimeCuda:
    """A session with its inputs and outputs in buffers on the GPU. Each inference copies inputs to and outputs from
    there.

    cuDNN tries every algorithm when it first meets a layer and keeps the fastest. In fp32, matrix products use TF32
    on the GPUs that have it, which is the runtime's own default. An operator that the GPU cannot run is an error: on
    the CPU, something else would be measured. Raises WorkerError.
    """

    def __init__(self, request: Request) -> None:
        self._gpu = opened(request.wait, request.device)
        # CUDA and cuDNN from NVIDIA's Python packages, where these are installed and the system has none. Releases
        # before 1.21 look for those of the system alone.
        if hasattr(ort, "preload_dlls"):
            ort.preload_dlls()
        settings = {
            "device_id": str(self._gpu.number),
            "cudnn_conv_algo_search": "EXHAUSTIVE",
            "use_tf32": "1",
            "enable_cuda_graph": str(int(request.graph)),
        }
        options = session_options(threads=1)
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        try:
            self._session = load(request.loaded, options, _PROVIDER, settings)
            self._bind(request.loaded)
        except Exception as error:  # onnxruntime's many exceptions share no other base
            raise WorkerError(explained(one_line(error))) from error
        self._facts: Facts = {
            "runtime": f"onnxruntime {ort.__version__}",
            "provider": _PROVIDER,
            "cudnn_conv_algo_search": "EXHAUSTIVE",
            "use_tf32": request.precision == "fp32",
            "graph": request.graph,
            "wait": request.wait,
            "device": f"cuda:{self._gpu.number}",
            "gpu_calls": self._gpu.calls,
        }

    def _bind(self, file: NetworkFile) -> None:
        """Bind inputs and outputs to buffers of fixed address, as a captured graph needs them."""
        self._binding = self._session.io_binding()
        self._copies_in: "list[tuple[ort.OrtValue, npt.NDArray[Any]]]" = []
        for name, array in input_arrays(file).items():
            # The GPU copies from pinned memory directly; other memory goes through a buffer of the driver first.
            fixed = self._gpu.host_array(array.shape, array.dtype)
            np.copyto(fixed, array)
            value = ort.OrtValue.ortvalue_from_numpy(fixed, "cuda", self._gpu.number)
            self._binding.bind_ortvalue_input(name, value)
            self._copies_in.append((value, fixed))
        self._copies_out: "list[Callable[[], object]]" = []
        if RESIDENT in self._session.get_modelmeta().custom_metadata_map:
            # Nothing goes in or out; the session waits for the GPU at the end of each run.
            self._resident = [value for value, _ in self._copies_in]
            self._copies_in = []
            for output in self._session.get_outputs():
                self._binding.bind_output(output.name, "cuda", self._gpu.number)
            return
        outputs = self._session.get_outputs()
        if not all(o.type in _NUMPY and all(isinstance(size, int) for size in o.shape) for o in outputs):
            # Of no fixed shape: the runtime allocates them anew each time.
            for output in outputs:
                self._binding.bind_output(output.name, "cuda", self._gpu.number)
            self._copies_out = [self._binding.copy_outputs_to_cpu]
            return
        for output in outputs:
            place = ("cuda", self._gpu.number)
            value = ort.OrtValue.ortvalue_from_shape_and_type(output.shape, _NUMPY[output.type], *place)
            self._binding.bind_ortvalue_output(output.name, value)
            self._copies_out.append(value.numpy)

    def infer(self) -> None:
        """See `Backend.infer`. The copies wait for the GPU, so nothing is left running."""
        try:
            for value, array in self._copies_in:
                value.update_inplace(array)
            self._session.run_with_iobinding(self._binding)
            for copy_out in self._copies_out:
                copy_out()
        except Exception as error:  # as above
            raise WorkerError(explained(one_line(error))) from error

    def device_s(self) -> None:
        """See `Backend.device_s`: None, as the runtime gives no access to its stream."""

    def facts(self) -> Facts:
        """See `Backend.facts`."""
        return self._facts
