"""What recording adds to a step: measured with a network that the worker writes itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort

from colocate.worker.backends import ort_recording
from colocate.worker.backends.ort_recording import chain, measured
from colocate.worker.backends.ort_trace import Recording, TimedStep, central


def test_the_chain_is_a_network_of_short_steps() -> None:
    model = onnx.load_from_string(chain())
    onnx.checker.check_model(model, full_check=True)
    assert len(model.graph.node) == ort_recording._STEPS
    assert {node.op_type for node in model.graph.node} == {"Neg", "Abs"}
    session = ort.InferenceSession(chain(), providers=["CPUExecutionProvider"])
    x = np.linspace(-1, 1, ort_recording._ELEMENTS, dtype=np.float32)[None]
    (y,) = session.run(None, {"x0": x})
    np.testing.assert_array_equal(y, np.abs(x))


def test_a_recording_is_measured_where_the_profile_is(tmp_path: Path) -> None:
    found = measured(tmp_path, threads=1)
    assert found.added_s >= 0 and found.shortest_s > 0
    assert {path.suffix for path in tmp_path.iterdir()} == {".onnx", ".json"}


def test_what_it_adds_is_taken_from_each_run_and_no_step_takes_less_than_the_shortest() -> None:
    recording = Recording(added_s=3e-6, shortest_s=1e-6)
    once, often, short = (
        TimedStep("once", "Conv", (10e-6,) * 4),
        TimedStep("often", "MatMul", (100e-6,) * 4, ("loop",), runs=20.0),
        TimedStep("short", "Neg", (5e-6,) * 4, ("loop",), runs=2.0),
    )
    times_s = [step.time_s for step in central([once, often, short], recording)]
    np.testing.assert_allclose(times_s, [7e-6, 40e-6, 2e-6])
