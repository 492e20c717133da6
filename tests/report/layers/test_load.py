"""What a run of layers shows: times that add up or a warning, and the power of what has a body."""

from __future__ import annotations

import pytest

from colocate.model.quality import QualityFlag
from colocate.report.layers.load import LayersReport, load
from tests.report.layers.runs import LAYERS, PROFILE, run_of

# The profile's steps add up to 10 ms.
ADDS_UP, DOES_NOT = 0.0082, 0.0078
WRONG = QualityFlag.PROFILE_DOES_NOT_ADD_UP


def report_of(whole_s: float, **values: object) -> LayersReport:
    return load(run_of(whole_s, **values), {})  # type: ignore[arg-type]


def test_times_of_a_body_are_not_those_of_the_layer_of_the_same_name() -> None:
    times_s = [layer.time_s.value for layer in report_of(0.01).fused_layers if layer.time_s is not None]
    assert times_s == pytest.approx([step.time_s for step in PROFILE])
    assert report_of(0.01).everything.time_s == pytest.approx(0.010)
    assert report_of(0.01).everything.flop == 10_000_000


@pytest.mark.parametrize("whole_s", [ADDS_UP, 0.0132])
def test_within_a_quarter_there_is_no_warning(whole_s: float) -> None:
    report = report_of(whole_s)
    assert report.warnings == () and not any(report.warnings_of(layer) for layer in report.fused_layers)
    assert not any(WRONG.value.capitalize() in note for note in report.notes)


@pytest.mark.parametrize("whole_s", [DOES_NOT, 0.0136])
def test_beyond_a_quarter_every_time_is_doubtful(whole_s: float) -> None:
    report = report_of(whole_s, layers=(*LAYERS, LAYERS[0].__class__("lost", "Relu", ("lost",), 0, 8)))
    assert report.warnings == (WRONG,)
    assert [report.warnings_of(layer) for layer in report.fused_layers] == [(WRONG,)] * 3 + [()]
    assert f"{WRONG.value.capitalize()}: {WRONG.remedy}." in report.notes


def test_times_that_are_of_no_profile_are_not_its_fault() -> None:
    assert report_of(DOES_NOT, timed=False).warnings == ()


def test_what_has_a_body_shares_its_power_with_all_that_lies_in_it() -> None:
    watts = {None: 10.0, "mine.onnx": 15.0, "stem.onnx": 13.0, "loop.onnx": 14.0}
    report = report_of(0.01, subgraphs={"stem.onnx": 0, "loop.onnx": 1}, watts=watts)
    stem, loop, inside = report.fused_layers
    assert [layer.power_w.value for layer in report.fused_layers if layer.power_w] == pytest.approx([3.0, 4.0, 4.0])
    assert loop.energy_j is not None and loop.energy_j.value == pytest.approx(4.0 * 0.001)
    assert inside.energy_j is not None and inside.energy_j.value == pytest.approx(4.0 * 0.008)
    # A layer without a body was looped by itself: its power times the time of a turn.
    assert stem.energy_j is not None and stem.energy_j.value == pytest.approx(3.0 * 0.1)


@pytest.mark.parametrize(("noted", "shown"), [("int8", "int8"), ("", "fp32")])
def test_the_precision_is_that_of_the_file_where_the_run_noted_it(noted: str, shown: str) -> None:
    assert report_of(0.01, precision=noted).precision == shown


def test_a_note_says_what_the_rows_of_a_body_are() -> None:
    said = "A layer in the body of a Loop, an If or a Scan has a row of its own"
    assert any(note.startswith(said) for note in report_of(0.01).notes)
    plain = report_of(0.01, layers=LAYERS[:1], profile=PROFILE[:1])
    assert not any(note.startswith(said) for note in plain.notes)
