"""ONNX Runtime on the CPU."""

import os
import tempfile
from pathlib import Path

import onnxruntime as ort

from colocate.worker.backend import Facts, ProfiledStep
from colocate.worker.backends.ort_session import load, session_options
from colocate.worker.inputs import input_arrays
from colocate.worker.request import Request


class OnnxRuntimeCpu:
    """A session with one thread for each CPU of the process. The input stays in a buffer that is bound once.

    Raises WorkerError if the runtime refuses the network.
    """

    def __init__(self, request: Request) -> None:
        threads = len(os.sched_getaffinity(0))
        session = load(request.loaded, session_options(threads), "CPUExecutionProvider", {})
        binding = session.io_binding()
        for name, array in input_arrays(request.loaded).items():
            binding.bind_cpu_input(name, array)
        for output in session.get_outputs():
            binding.bind_output(output.name, "cpu")
        self._session, self._binding = session, binding
        self._file, self._threads = request.loaded, threads
        self._facts = {"runtime": ort.__version__, "provider": session.get_providers()[0], "threads": threads}

    def infer(self) -> None:
        """Run one synchronous inference; on the CPU its input needs no copy."""
        self._session.run_with_iobinding(self._binding)

    def device_s(self) -> None:
        """See `Backend.device_s`: None, as there is no accelerator."""

    def facts(self) -> Facts:
        """The version, execution provider and number of threads."""
        return self._facts

    def profile(self, inferences: int) -> "list[ProfiledStep]":
        """See `Profiler.profile`. The times come from the trace of a separate session, less what recording adds to
        them.
        """
        from colocate.worker.backends import ort_recording, ort_trace

        warmup = max(1, inferences // 5)
        with tempfile.TemporaryDirectory() as folder:
            trace = ort_trace.recorded(self._file, Path(folder), warmup + inferences, self._threads)
            profile = ort_trace.read(trace, warmup)
            plain_s = ort_recording.plain_length_s(self.infer, max(4, inferences // 4))
            recording = ort_recording.measured(Path(folder), self._threads)
        added_s = recording.added_to(profile, plain_s)
        return ort_trace.central(profile.steps, added_s, recording.shortest_s)
