"""Load a network into a session of ONNX Runtime, on the CPU or a GPU."""

from collections.abc import Mapping

import onnxruntime as ort

from colocate.worker.errors import WorkerError, one_line
from colocate.worker.request import NetworkFile


def session_options(threads: int) -> ort.SessionOptions:
    """The settings of every session: all graph optimisations, and one pool of `threads` threads."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    return options


def load(
    file: NetworkFile, options: ort.SessionOptions, provider: str, settings: "Mapping[str, str]"
) -> ort.InferenceSession:
    """Load `file` into a session of this execution provider and no other; if that fails, its `source`. Raises
    WorkerError.
    """
    try:
        session = ort.InferenceSession(str(file.path), options, providers=[(provider, dict(settings))])
    except Exception as error:  # onnxruntime's many exceptions share no other base
        if file.source is not None:
            return load(file._replace(path=file.source, source=None), options, provider, settings)
        # After a failure it tries the CPU by itself; what that says hides the reason.
        first = error.__cause__ if isinstance(error.__cause__, Exception) else error
        raise WorkerError(f"onnxruntime cannot load {file.path}: {one_line(first)}") from error
    # A provider that cannot start only gets a log line, and the CPU takes its place.
    if session.get_providers()[0] != provider:
        raise WorkerError(f"onnxruntime started {session.get_providers()[0]} in place of {provider}")
    return session
