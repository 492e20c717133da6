"""Times, powers and energies of layers that were run by themselves, and what is said of those that are not there."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from colocate.errors import SpecError
from colocate.model.quality import QualityFlag
from colocate.report.layers.load import LayersReport, load
from tests.report.layers.looked_at import CEILINGS, TIMES_S, WHOLE, run
from tests.report.layers.runs import LAYERS, PROFILE, run_of


def test_a_layer_takes_what_its_subgraph_takes_less_what_nothing_takes() -> None:
    report = load(run(), {})
    conv, softmax, overhead = report.fused_layers
    assert conv.time_s is not None and softmax.time_s is not None and overhead.time_s is not None
    assert conv.time_s.value == pytest.approx(TIMES_S["conv.onnx"] - TIMES_S["nothing.onnx"])
    assert softmax.time_s.value == pytest.approx(TIMES_S["prob.onnx"] - TIMES_S["nothing.onnx"])
    assert overhead.time_s.value == pytest.approx(TIMES_S["launch.onnx"]), "which is no layer of the network"
    assert report.whole_s is not None and report.whole_s.value == pytest.approx(TIMES_S["net"])
    assert report.balance is not None and report.balance.sum_s == pytest.approx(0.00105)


def test_an_energy_is_the_power_above_idle_times_a_turn_where_that_power_is_known() -> None:
    report = load(run(), {})
    conv, softmax, _ = report.fused_layers
    assert conv.power_w is not None and conv.power_w.value == pytest.approx(5.1)
    assert conv.energy_j is not None and conv.energy_j.value == pytest.approx(5.1 * TIMES_S["conv.onnx"])
    assert softmax.power_w is not None and softmax.energy_j is None
    assert (report.warnings_of(conv), report.warnings_of(softmax)) == ((), (QualityFlag.ENERGY_UNRESOLVED,))


def test_ceilings_are_the_quickest_inference_of_all() -> None:
    report = load(run(), {})
    assert report.ceilings is not None and not report.modelled
    assert report.ceilings.flop_per_s == pytest.approx(CEILINGS["flop.onnx"].amount / TIMES_S["flop.onnx"])
    assert report.ceilings.bytes_per_s == pytest.approx(CEILINGS["bandwidth"].amount / TIMES_S["bandwidth"])
    # On a GPU the time of the GPU counts.
    whole = run()
    records = tuple(
        dataclasses.replace(each, device_s=np.full(len(each.latencies_s), 0.001))
        if each.trial.inference and each.trial.inference.network == "flop.onnx"
        else each
        for each in whole.records
    )
    on_gpu = load(dataclasses.replace(whole, records=records), {}).ceilings
    assert on_gpu is not None and on_gpu.flop_per_s == pytest.approx(4e12)
    without = tuple(r for r in records if not r.trial.inference or r.trial.inference.network != "flop.onnx")
    assert load(dataclasses.replace(whole, records=without), {}).ceilings is None


def test_notes_say_where_numbers_come_from_and_why_some_are_missing() -> None:
    own, launch, energy = load(run(), {}).notes
    assert own.startswith("The profile of onnxruntime-cuda shows when kernels are launched, not how long they run")
    assert launch.startswith("Launch, input and output: ")
    assert "adds to idle (10.0 W in this run)" in energy and energy.endswith("which it is not of 1 fused layer.")
    assert "No energies: this machine has no meter of power." in load(run(metered=False), {}).notes
    hot = load(run(warning=QualityFlag.THROTTLED), {}).notes[-1]
    assert hot == f"Throttled: {QualityFlag.THROTTLED.remedy}."


def test_a_layer_that_takes_no_longer_than_nothing_has_no_time() -> None:
    whole = run()
    records = tuple(
        dataclasses.replace(each, latencies_s=np.full(10, 0.00009))
        if each.trial.inference and each.trial.inference.network == "prob.onnx" and each.trial.repeat == 1
        else each
        for each in whole.records
    )
    assert load(dataclasses.replace(whole, records=records), {}).fused_layers[1].time_s is None


def test_a_run_of_layers_has_no_settings_to_choose_from() -> None:
    with pytest.raises(SpecError, match="only a run of `colocate efficiency`"):
        load(run(), {"latency_limit_s": 0.1})
    assert load(run(), {}).inference == WHOLE


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
