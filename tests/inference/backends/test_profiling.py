"""The steps of a network, from the process that asked its runtime."""

from __future__ import annotations

from pathlib import Path

import pytest

from colocate.errors import HostError
from colocate.inference.backends import profiling, registry
from colocate.model.request import Inference
from colocate.model.trial import Step
from tests.small import small_network

INFERENCE = Inference("small.onnx", "onnxruntime-cpu", batch=2)
pytestmark = pytest.mark.usefixtures("kept")


def test_the_steps_of_a_real_runtime(tmp_path: Path) -> None:
    steps = profiling.steps(INFERENCE, small_network(tmp_path))
    assert all(isinstance(step, Step) and step.time_s > 0 and step.energy_j is None for step in steps)
    assert {"Conv", "MatMul"} <= {step.kind for step in steps}


def test_what_the_runtime_refuses_is_a_host_error_of_one_line(tmp_path: Path) -> None:
    network = small_network(tmp_path)
    network.path.write_bytes(b"no network")
    with pytest.raises(HostError, match="onnxruntime-cpu cannot profile small: onnxruntime cannot load") as caught:
        profiling.steps(INFERENCE, network)
    assert "\n" not in str(caught.value)


def test_a_death_without_a_word_is_a_host_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "made_up.py").write_text("import os\nclass Backend:\n    def __init__(self, request): os.abort()\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setitem(registry.BACKENDS, "made-up", registry.Runtime("made_up:Backend", profiles=True))
    with pytest.raises(HostError, match="made-up cannot profile small: it ended with status -6 and no word"):
        profiling.steps(Inference("small.onnx", "made-up"), small_network(tmp_path))
