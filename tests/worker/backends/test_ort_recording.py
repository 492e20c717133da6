"""What recording adds to a step: measured with a network that the worker writes itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from colocate.worker.backends import ort_recording
from colocate.worker.backends.ort_recording import Recording, chain, measured, plain_length_s
from colocate.worker.backends.ort_trace import Profile, TimedStep, central


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
    assert found.added_s >= 0 and 0 <= found.share <= 1 and found.shortest_s > 0
    assert {path.suffix for path in tmp_path.iterdir()} == {".onnx", ".json"}


def profile_of(length_s: float) -> Profile:
    """Ten steps of one run and one of ten, in inferences of this length and some that were disturbed."""
    steps = [TimedStep(f"step{i}", "Conv", (10e-6,) * 8) for i in range(10)]
    steps.append(TimedStep("inner", "MatMul", (100e-6,) * 8, ("step0",), runs=10.0))
    return Profile(tuple(steps), (9.0, *[length_s] * 7))


@pytest.mark.parametrize(
    ("length_s", "added_s"),
    [
        # 100 us slower by 20 steps, half of which lies in the recorded lengths.
        (0.0011, 2.5e-6),
        pytest.param(0.00101, 2e-6, id="no less than in the chain"),
        pytest.param(0.1, 4e-6, id="what is more is another program's"),
        pytest.param(0.0005, 2e-6, id="a network that a profile makes quicker was disturbed without one"),
    ],
)
def test_a_network_suffers_from_recording_as_much_as_it_is_slower(length_s: float, added_s: float) -> None:
    recording = Recording(added_s=2e-6, share=0.5, shortest_s=1e-6)
    assert recording.added_to(profile_of(length_s), plain_s=0.001) == pytest.approx(added_s)


def test_a_network_without_a_step_suffers_from_nothing() -> None:
    assert Recording(2e-6, 0.5, 1e-6).added_to(Profile((), (0.001,) * 4), 0.001) == pytest.approx(2e-6)
    assert central([]) == []


def test_a_plain_length_is_that_of_the_middle_half(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([0.0, 99.0, *(t for start in range(8) for t in (start, start + (0.5 if start else 50.0)))])
    monkeypatch.setattr("colocate.worker.backends.ort_recording.time.monotonic", lambda: next(ticks))
    assert plain_length_s(lambda: None, 8, warmup=1) == pytest.approx(0.5)


def test_what_is_added_is_taken_from_each_run_and_no_step_takes_less_than_the_shortest() -> None:
    steps = [
        TimedStep("once", "Conv", (10e-6,) * 4),
        TimedStep("often", "MatMul", (100e-6,) * 4, ("loop",), runs=20.0),
        TimedStep("short", "Neg", (5e-6,) * 4, ("loop",), runs=2.0),
    ]
    times_s = [step.time_s for step in central(steps, added_s=3e-6, shortest_s=1e-6)]
    np.testing.assert_allclose(times_s, [7e-6, 40e-6, 2e-6])
