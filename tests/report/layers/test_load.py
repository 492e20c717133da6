"""Times, powers and energies of layers that were run by themselves, and what is said of those that are not there."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from colocate.errors import SpecError
from colocate.model.quality import QualityFlag
from colocate.report.layers.load import load, warnings_of
from tests.report.layers.looked_at import CEILINGS, TIMES_S, WHOLE, run


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
    conv, softmax, _ = load(run(), {}).fused_layers
    assert conv.power_w is not None and conv.power_w.value == pytest.approx(5.1)
    assert conv.energy_j is not None and conv.energy_j.value == pytest.approx(5.1 * TIMES_S["conv.onnx"])
    assert softmax.power_w is not None and softmax.energy_j is None
    assert (warnings_of(conv), warnings_of(softmax)) == ((), (QualityFlag.ENERGY_UNRESOLVED,))


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
    assert "above idle (10.0 W in this run)" in energy and energy.endswith("which it is not of 1 fused layer.")
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
