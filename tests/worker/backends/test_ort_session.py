"""A session of ONNX Runtime: the settings of every network, and one line where it is refused."""

from __future__ import annotations

from pathlib import Path

import onnxruntime as ort
import pytest

from colocate.worker.backends.ort_session import load, session_options
from colocate.worker.errors import WorkerError
from tests.small import small_network


def test_every_network_runs_under_the_same_settings(tmp_path: Path) -> None:
    session = load(small_network(tmp_path).file, session_options(2), "CPUExecutionProvider", {})
    options = session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (2, 1)
    assert options.execution_mode == ort.ExecutionMode.ORT_SEQUENTIAL
    assert options.graph_optimization_level == ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    assert session.get_providers() == ["CPUExecutionProvider"]


def test_a_file_that_is_refused_is_named_in_one_line(tmp_path: Path) -> None:
    file = small_network(tmp_path).file
    file.path.write_bytes(b"no network")
    with pytest.raises(WorkerError, match=r"onnxruntime cannot load .*small\.onnx: ") as caught:
        load(file, session_options(1), "CPUExecutionProvider", {})
    assert "\n" not in str(caught.value) and "[ONNXRuntimeError]" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:Specified provider")
@pytest.mark.skipif("CUDAExecutionProvider" in ort.get_available_providers(), reason="this build has the provider")
def test_another_provider_in_place_of_the_one_asked_for_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match="CUDAExecutionProvider"):
        load(small_network(tmp_path).file, session_options(1), "CUDAExecutionProvider", {})
