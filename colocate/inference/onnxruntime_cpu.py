"""ONNX Runtime on the CPU."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import onnxruntime as ort

from colocate.errors import HostError
from colocate.inference import Facts
from colocate.inference.networks import Network, input_arrays
from colocate.study.model import Inference, Step


def session_options(threads: int) -> ort.SessionOptions:
    """The settings under which every network runs: all graph optimisations, one pool of `threads`."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    return options


def load(
    network: Network, options: ort.SessionOptions, provider: str, settings: Mapping[str, str]
) -> ort.InferenceSession:
    """`network` in a session of this execution provider and no other. Raises HostError when it is refused."""
    try:
        session = ort.InferenceSession(str(network.path), options, providers=[(provider, dict(settings))])
    except Exception as error:  # onnxruntime's many exceptions share no other base
        # After a failure it tries the CPU by itself; what that says hides the reason.
        first = error.__cause__ if isinstance(error.__cause__, Exception) else error
        raise HostError(f"onnxruntime cannot load {network.path}: {one_line(first)}") from error
    # A provider that cannot start is only warned of, and the CPU takes its place.
    if session.get_providers()[0] != provider:
        raise HostError(f"onnxruntime started {session.get_providers()[0]} in place of {provider}")
    return session


def one_line(error: Exception) -> str:
    """The first line of what the runtime says, without its own status code."""
    return (
        str(error).strip().splitlines()[0].removeprefix("[ONNXRuntimeError] : ")
        if str(error).strip()
        else repr(error)
    )


class OnnxRuntimeCpu:
    """A session with one thread per CPU of its seat; the input stays in a buffer that is bound once.

    Raises HostError when the runtime refuses the network.
    """

    def __init__(self, inference: Inference, network: Network | None) -> None:
        assert network is not None, "this runtime runs a network's file"
        threads = len(os.sched_getaffinity(0))
        session = load(network, session_options(threads), "CPUExecutionProvider", {})
        binding = session.io_binding()
        for name, array in input_arrays(network).items():
            binding.bind_cpu_input(name, array)
        for output in session.get_outputs():
            binding.bind_output(output.name, "cpu")
        self._session, self._binding = session, binding
        self._network, self._threads = network, threads
        self._facts = {"runtime": ort.__version__, "provider": session.get_providers()[0], "threads": threads}

    def infer(self) -> None:
        """One synchronous inference; on the CPU its input needs no copy."""
        self._session.run_with_iobinding(self._binding)

    def device_s(self) -> None:
        """See `Backend.device_s`: the device is the host."""

    def facts(self) -> Facts:
        """Version, execution provider and threads."""
        return self._facts

    def profile(self, inferences: int) -> Sequence[Step]:
        """See `Profiler.profile`: from the trace of a session of its own."""
        from colocate.inference import ort_trace

        warmup = max(1, inferences // 5)
        with tempfile.TemporaryDirectory() as folder:
            trace = ort_trace.recorded(self._network, Path(folder), warmup + inferences, self._threads)
            return ort_trace.central(ort_trace.steps(trace, warmup))
