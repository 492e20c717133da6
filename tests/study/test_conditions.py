"""An alternating window and a block become the same two sides, and drift between groups cancels."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from colocate.model.trial import Condition, Segment, TrialRecord
from colocate.study.alternation import Pace
from colocate.study.conditions import alternating_pair, in_condition, latencies, steady_pair, work_kept
from colocate.study.stats import sample_quantile
from tests.study.alternating import Alternating, Machine
from tests.study.truth import TASK, record, trial

A, B, T = Condition.ALONE, Condition.BESIDE, Condition.TASK_ALONE


def window(*segments: tuple[Condition, int, list[float], float | None]) -> TrialRecord:
    """One second per segment, each of a condition, a group, latencies and work; guards between them."""
    begins: list[float] = []
    latencies_s: list[float] = []
    conditions: list[int] = []
    for at, (condition, _, own, _) in enumerate(segments):
        begins += [at + 0.1, *(at + 0.2 + 0.05 * i for i in range(len(own)))]
        latencies_s += [9.0, *own]
        conditions += [Condition.GUARD, *(condition for _ in own)]
    return TrialRecord(
        trial(0, TASK), 0.0, float(len(segments)), np.array(begins), np.array(latencies_s),
        segments=tuple(
            Segment(condition, group, at + 0.2, at + 1.0, work)
            for at, (condition, group, _, work) in enumerate(segments)
        ),
        conditions=np.array(conditions, dtype=np.uint8),
    )  # fmt: skip


def test_a_group_is_compared_with_itself() -> None:
    # The second group runs on a machine three times as slow; guards are slower still.
    found = alternating_pair(
        window(
            (A, 0, [1.0, 1.1], None), (B, 0, [1.26, 1.26], None), (B, 0, [1.26], None), (A, 0, [0.9, 1.0], None),
            (B, 1, [3.6], None), (A, 1, [3.0], None), (T, 2, [], 5.0), (A, 1, [3.0, 3.0], None), (B, 1, [3.6], None),
        )
    )  # fmt: skip
    assert found is not None
    assert found.alone.tolist() == pytest.approx([1.0, 1.1, 0.9, 1.0, 1.0, 1.0, 1.0])
    assert found.beside.tolist() == pytest.approx([1.26, 1.26, 1.26, 1.2, 1.2])
    assert found.log_ratio(lambda side: float(np.median(side))) == pytest.approx(math.log(1.26))


def test_a_group_without_one_of_its_sides_does_not_count() -> None:
    whole = [(A, 0, [1.0], None), (B, 0, [2.0], None), (A, 1, [3.0], None), (B, 1, [6.0], None)]
    lacking = [(A, 2, [], None), (B, 2, [50.0], None)]
    found = alternating_pair(window(*whole, *lacking))
    assert found is not None and found.beside.tolist() == [2.0, 2.0]
    assert alternating_pair(window(*lacking)) is None
    assert alternating_pair(record(trial(0, TASK), np.ones(5))) is None


def test_a_time_rounded_to_before_its_segment_belongs_to_it() -> None:
    found = window((A, 0, [1.0], None), (B, 0, [2.0], None), (A, 1, [1.0], None), (B, 1, [2.0], None))
    early = dataclasses.replace(
        found, begins_s=np.where(found.conditions != 0, found.begins_s - 4e-10, found.begins_s)
    )
    pair = alternating_pair(early)
    assert pair is not None and pair.beside.tolist() == [2.0, 2.0]


def test_a_block_of_two_windows_is_a_pair_as_it_is() -> None:
    solo, own = record(trial(0), np.ones(4)), record(trial(0, TASK), np.full(3, 2.0))
    pair = steady_pair(solo, own)
    assert pair is not None and pair.records == (solo, own)
    assert pair.alone is solo.latencies_s and pair.beside is own.latencies_s
    assert steady_pair(solo, dataclasses.replace(own, latencies_s=np.array([]))) is None


def test_latencies_are_sorted_by_condition_and_a_steady_window_has_only_one() -> None:
    mixed = window((A, 0, [1.0, 2.0], None), (B, 0, [3.0], None))
    assert latencies(mixed, A).tolist() == [1.0, 2.0] and latencies(mixed, B).tolist() == [3.0]
    steady = record(trial(0), np.ones(4))
    assert latencies(steady, A) is latencies(steady, B) is steady.latencies_s
    assert in_condition(steady, B).all() and in_condition(mixed, B).sum() == 1


def test_work_is_the_rate_beside_over_the_rate_alone() -> None:
    found = window((B, 0, [1.0], 6.0), (T, 1, [], 10.0), (B, 0, [1.0], 10.0), (A, 0, [1.0], None))
    assert work_kept(found) == pytest.approx(0.8)
    assert work_kept(window((B, 0, [1.0], 6.0))) is None
    assert work_kept(window((B, 0, [1.0], None), (T, 1, [], 10.0))) is None
    assert work_kept(window((B, 0, [1.0], 0.0), (T, 1, [], 10.0))) == 0.0
    assert work_kept(window((B, 0, [1.0], 6.0), (T, 1, [], 0.0))) is None
    # What was under way is estimated: a little work may come out below none.
    assert work_kept(window((B, 0, [1.0], -0.1), (T, 1, [], 10.0))) == 0.0
    assert work_kept(window((B, 0, [1.0], 6.0), (T, 1, [], -1.7))) is None


@pytest.mark.parametrize("kind", ["white", "ar1", "walk"])
def test_drift_of_the_machine_cancels(kind: str) -> None:
    """Windows differ by 30 %, and inside one the machine drifts by 5 %; the ratio scatters by less than either."""
    truth = Alternating(machine=Machine(kind, between=0.3, inside=0.05), solo_s=0.002)
    rng = np.random.default_rng(2017)
    pairs = [alternating_pair(truth.window(rng, repeat)) for repeat in range(40)]
    ratios = [pair.log_ratio(lambda side: sample_quantile(side, 0.5)) for pair in pairs if pair]
    assert np.mean(ratios) == pytest.approx(math.log(truth.slowdown), abs=0.01)
    assert np.std(ratios) < 0.025


def test_a_burst_in_one_part_of_a_window_leaves_the_median_alone() -> None:
    """Another tenant doubles all latencies for a tenth of the window."""
    quiet, disturbed = (Alternating(burst_s=burst_s, pace=Pace(0.05, 0.005), solo_s=0.002) for burst_s in (0.0, 0.1))
    found = []
    for truth in (quiet, disturbed):
        rng = np.random.default_rng(2017)
        pairs = [alternating_pair(truth.window(rng, repeat)) for repeat in range(60)]
        found.append(np.std([pair.log_ratio(lambda side: sample_quantile(side, 0.5)) for pair in pairs if pair]))
    assert found[1] < 0.05
    assert found[0] < 0.012
