"""ONNX Runtime on the CPU."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import onnxruntime as ort

from colocate.errors import HostError
from colocate.inference.networks import Network, input_array
from colocate.study.model import Inference


def session_options(threads: int) -> ort.SessionOptions:
    """The settings under which every network runs: all graph optimisations, one pool of `threads`."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    return options


class OnnxRuntime:
    """A session with one thread per CPU of its seat; the input stays in a buffer that is bound once.

    Raises HostError when the runtime refuses the network.
    """

    def __init__(self, inference: Inference, network: Network | None) -> None:
        assert network is not None, "this runtime runs a network's file"
        threads = len(os.sched_getaffinity(0))
        try:
            session = ort.InferenceSession(
                str(network.path), session_options(threads), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's many exceptions share no other base
            raise HostError(f"onnxruntime cannot load {network.path}: {str(error).splitlines()[0]}") from error
        binding = session.io_binding()
        binding.bind_cpu_input(network.inputs[0].name, input_array(network))
        for output in session.get_outputs():
            binding.bind_output(output.name, "cpu")
        self._session, self._binding = session, binding
        self._facts = {"runtime": ort.__version__, "provider": session.get_providers()[0], "threads": threads}

    def infer(self) -> None:
        """One synchronous inference; on the CPU its input needs no copy."""
        self._session.run_with_iobinding(self._binding)

    def facts(self) -> Mapping[str, Any]:
        """Version, execution provider and threads."""
        return self._facts
