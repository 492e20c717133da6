"""Alternating windows in virtual time: what they show as steady ones do, and what they cannot see."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Mapping

import numpy as np
import pytest

from colocate.errors import TrialError
from colocate.model.cell import Cell
from colocate.model.quality import QualityFlag
from colocate.model.request import Inference, SweepSpec, Task
from colocate.model.trial import Condition, Trial, TrialRecord
from colocate.rigs.tx1.rig import Tx1Rig
from colocate.study.interference import cells
from colocate.study.plan import plan

ALONE, BESIDE, TASK_ALONE = Condition.ALONE, Condition.BESIDE, Condition.TASK_ALONE
# As on a real machine: see `window_ratio` and `drift_ratio`.
REAL = {"window_ratio": 0.068, "drift_ratio": 0.012, "inferences_min": 1.0}


def trials(
    network: str = "alexnet", task: str = "jpeg", gpu: str = "high", repeats: int = 1, window_s: float = 2.0
) -> list[tuple[Trial, Trial, Trial, Trial]]:
    """Of each repeat an alternating trial, and the steady ones: beside the task, the network and the task alone."""
    spec = SweepSpec(
        (Inference(network, wait="block"),), (Task(task),), "tx1-model", ("high",), (gpu,), repeats=repeats,
        window_s=window_s,
    )  # fmt: skip
    planned = plan(spec, Tx1Rig().facts())
    found = []
    for repeat in range(repeats):
        by = {(t.inference is not None, t.task is not None): t for t in planned if t.repeat == repeat}
        both = by[True, True]
        alternating = dataclasses.replace(both, alternating=True, trial_id=f"{both.trial_id} by turns")
        found.append((alternating, both, by[True, False], by[False, True]))
    return found


def slowdown(record: TrialRecord) -> float:
    assert record.conditions is not None
    alone, beside = (np.median(record.latencies_s[record.conditions == each]) for each in (ALONE, BESIDE))
    return float(beside / alone)


def rate(record: TrialRecord, condition: Condition) -> float:
    own = [segment for segment in record.segments if segment.condition is condition]
    return sum(segment.work or 0.0 for segment in own) / sum(segment.length_s for segment in own)


def both_ways(model: Mapping[str, float], gpu: str = "high", window_s: float = 2.0) -> tuple[float, float]:
    """The slowdown of AlexNet beside jpeg, by an alternating window and by two steady ones."""
    rig, (alternating, both, solo, _) = Tx1Rig(model), trials(gpu=gpu, window_s=window_s)[0]
    steady = np.median(rig.run(both).latencies_s) / np.median(rig.run(solo).latencies_s)
    return slowdown(rig.run(alternating)), float(steady)


def test_both_designs_show_the_slowdown_and_the_lost_work() -> None:
    rig = Tx1Rig()
    for alternating, both, solo, task in trials(repeats=2):
        turns, beside, alone, own = (rig.run(trial) for trial in (alternating, both, solo, task))
        by_steady = np.median(beside.latencies_s) / np.median(alone.latencies_s)
        assert by_steady > 1.05
        assert slowdown(turns) == pytest.approx(by_steady, abs=0.004)
        assert beside.work is not None and own.work is not None and turns.work is not None
        kept = beside.work.count / beside.work.elapsed_s / (own.work.count / own.work.elapsed_s)
        assert rate(turns, BESIDE) / rate(turns, TASK_ALONE) == pytest.approx(kept, abs=0.01)
        assert turns.work.count / turns.work.elapsed_s == pytest.approx(rate(turns, BESIDE))


def test_a_record_tells_the_segments_and_whose_inferences_are_whose() -> None:
    record = Tx1Rig().run(trials()[0][0])
    assert record.conditions is not None and record.power is None
    assert len(record.conditions) == len(record.latencies_s) == len(record.begins_s)
    assert np.allclose(record.begins_s[1:], (record.begins_s + record.latencies_s)[:-1])
    assert {segment.condition for segment in record.segments} == {ALONE, BESIDE, TASK_ALONE}
    ends_s = np.array([segment.end_s for segment in record.segments])
    assert (np.diff(ends_s) > 0).all() and ends_s[-1] == pytest.approx(record.elapsed_s)
    for segment in record.segments:
        inside = (record.begins_s >= segment.begin_s) & (
            record.begins_s + record.latencies_s <= segment.end_s + 1e-12
        )
        expected = Condition.GUARD if segment.condition is TASK_ALONE else segment.condition
        # The last may have begun too near to the end for the longest of its condition.
        assert (record.conditions[inside][:-1] == expected).all()
        assert (segment.work == 0) == (segment.condition is ALONE)
    # As many as in a steady window, in either condition.
    assert min((record.conditions == each).sum() for each in (ALONE, BESIDE)) >= 600


def test_an_inference_under_way_while_the_network_is_paused_takes_as_long_as_the_pause() -> None:
    record = Tx1Rig({"inferences_min": 1.0}).run(trials()[0][0])
    pauses = [segment for segment in record.segments if segment.condition is TASK_ALONE]
    assert record.conditions is not None and pauses
    for pause in pauses:
        at = np.flatnonzero(record.begins_s < pause.begin_s)[-1]
        assert record.conditions[at] == Condition.GUARD and record.latencies_s[at] >= pause.length_s


def test_a_trial_alone_decides_on_its_record() -> None:
    first, second = trials(repeats=2)
    run = {trial.trial_id: pickle.dumps(Tx1Rig(REAL).run(trial)) for trial in (first[0], second[0])}
    rig = Tx1Rig(REAL)
    for trial in (second[0], first[0]):
        assert pickle.dumps(rig.run(trial)) == run[trial.trial_id]


def test_windows_of_slow_networks_are_short_and_hold_inferences_in_both_conditions() -> None:
    for network, gpu in (("resnet152", "low"), ("googlenet", "low"), ("googlenet", "high")):
        for alternating, *_ in trials(network, gpu=gpu, repeats=20, window_s=0.3):
            record = Tx1Rig(REAL).run(alternating)
            assert record.conditions is not None
            assert min((record.conditions == each).sum() for each in (ALONE, BESIDE)) >= 1
            assert record.elapsed_s < max(0.4, 7 * float(np.median(record.latencies_s)))


def test_frames_that_piled_up_while_the_network_was_paused_are_done_before_its_next_segment() -> None:
    alternating, _, alone, _ = trials()[0]
    for busy in (0.3, 0.7):
        assert alternating.inference is not None and alone.inference is not None
        latency_s = float(np.median(Tx1Rig().run(alone).latencies_s))
        inference = dataclasses.replace(alternating.inference, period_s=latency_s / busy)
        record = Tx1Rig().run(dataclasses.replace(alternating, inference=inference))
        steady = Tx1Rig().run(dataclasses.replace(alone, inference=inference))
        assert record.conditions is not None and inference.period_s is not None
        assert slowdown(record) == pytest.approx(slowdown(Tx1Rig().run(alternating)), abs=0.004)
        own_s = record.latencies_s[record.conditions == ALONE]
        assert np.median(own_s) == pytest.approx(np.median(steady.latencies_s), rel=0.01) and len(own_s) > 500
        assert own_s.max() < 1.7 * np.median(own_s)


def test_a_network_that_does_not_keep_up_with_its_frames_has_no_alternating_window() -> None:
    alternating = trials()[0][0]
    assert alternating.inference is not None
    late = dataclasses.replace(alternating.inference, period_s=0.002)
    with pytest.raises(TrialError, match="does not keep up with its frames without the task; raise --period-ms"):
        Tx1Rig().run(dataclasses.replace(alternating, inference=late))


def test_with_the_noise_of_a_real_machine_a_window_scatters_little() -> None:
    rig = Tx1Rig(REAL)
    logs = []
    for alternating, both, solo, _ in trials(repeats=60, window_s=1.0):
        steady = np.median(rig.run(both).latencies_s) / np.median(rig.run(solo).latencies_s)
        logs.append(np.log([slowdown(rig.run(alternating)), steady]))
    by_turns, in_pairs = np.std(logs, axis=0)
    assert in_pairs == pytest.approx(np.sqrt(2) * 0.068, rel=0.2)
    assert by_turns < in_pairs / 8


def test_heat_is_in_steady_windows_alone() -> None:
    rig, (_, both, solo, _) = Tx1Rig(), trials()[0]
    power = [rig.run(trial).power for trial in (solo, both)]
    means_w = [float(trace.power_w[:, 0].mean()) for trace in power if trace is not None]
    by_turns, steady = both_ways({"heat_limit_w": float(np.mean(means_w))})
    assert by_turns < 1.08 < 1.12 < steady
    cool = both_ways({"heat_limit_w": 2 * max(means_w)})
    assert cool == both_ways({})


def test_a_machine_that_answers_slowly_shows_short_segments_less_than_steady_windows() -> None:
    by_turns, steady = both_ways({"ramp_s": 5.0, "inferences_min": 1.0})
    assert abs(by_turns - 1) < 0.02 < 0.05 < steady - 1
    at_once, _ = both_ways({"ramp_s": 0.001, "inferences_min": 1.0})
    assert at_once == pytest.approx(steady, abs=0.01)


@pytest.mark.parametrize("model", [{"heat_limit_w": 12.0}, {"ramp_s": 1.0, "inferences_min": 1.0}])
def test_a_study_of_what_alternation_cannot_see_says_so(model: dict[str, float]) -> None:
    spec = SweepSpec(
        (Inference("alexnet", wait="block"),), (Task("bitcount"), Task("jpeg")), "tx1-model", ("high",),
        ("mid", "high"), alternating=True,
    )  # fmt: skip

    def slowed(constants: dict[str, float]) -> dict[Cell, bool]:
        rig = Tx1Rig(constants)
        found = cells([rig.run(trial) for trial in plan(spec, rig.facts())], spec)
        return {cell: QualityFlag.ALTERNATION_DIFFERS in cell.warnings for cell in found if cell.task == "jpeg"}

    assert not any(slowed({}).values())
    for cell, differs in slowed(model).items():
        # The slowdown is that of steady windows, as without a limit or a ramp, or above.
        assert differs and cell.slowdown_p50 is not None and cell.slowdown_p50.value > 1.04
