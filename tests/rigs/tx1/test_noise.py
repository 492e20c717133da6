from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from colocate.model.request import ClockPoint, Placement
from colocate.model.trial import Trial
from colocate.rigs.tx1.constants import Constants
from colocate.rigs.tx1.noise import drifted, generator, latencies_s, speed_within

C = Constants()


def trial() -> Trial:
    place = Placement("isolated", (0,), (1, 2), (3,))
    return Trial("a", 0, 0, None, None, ClockPoint(None, None), place, 0.3, 0.2, 2.0)


def test_latencies_follow_one_another_around_the_prediction() -> None:
    calm = dataclasses.replace(C, tail_share=0.0)
    found = np.log(latencies_s(0.1, 50_000, generator("a"), calm) / 0.1)
    assert found.mean() == pytest.approx(0, abs=2e-4)
    assert found.std() == pytest.approx(C.jitter_ratio, rel=0.05)
    assert np.corrcoef(found[1:], found[:-1])[0, 1] == pytest.approx(C.jitter_memory, abs=0.03)


def test_the_tail_is_rare_and_long() -> None:
    found = latencies_s(0.1, 50_000, generator("b"), C)
    far = found > 0.1 * (1 + 6 * C.jitter_ratio)
    assert 0.3 * C.tail_share < far.mean() < 1.2 * C.tail_share
    assert found.max() > 0.1 * (1 + 3 * C.tail_ratio)


def drifting(ratio: float) -> Constants:
    return dataclasses.replace(C, drift_ratio=ratio)


def test_a_hundred_milliseconds_scatter_by_one_percent_as_on_a_real_machine() -> None:
    speed = speed_within(trial(), 2000.0, drifting(0.012))
    pieces = np.log(np.diff(speed.done_by(np.arange(0, 2000, 0.1))) / 0.1)
    assert pieces.std() == pytest.approx(0.010, rel=0.05)
    assert pieces.mean() == pytest.approx(0, abs=1e-3)
    assert np.corrcoef(pieces[1:], pieces[:-1])[0, 1] > 0.3


def test_a_longer_window_drifts_as_the_shorter_one_began() -> None:
    short, long = (speed_within(trial(), span_s, drifting(0.05)) for span_s in (1.0, 10.0))
    assert (long.per_s[: len(short.per_s)] == short.per_s).all()


def test_without_drift_within_windows_nothing_changes() -> None:
    latencies = latencies_s(0.1, 100, generator("c"), C)
    assert speed_within(trial(), 1.0, C).per_s.tolist() == [1.0]
    assert drifted(trial(), latencies, 1.0, C) == (latencies, 1.0, 1.0)


def test_drift_within_a_window_is_that_of_all_that_runs_in_it() -> None:
    latencies = np.full(1000, 0.01)
    found, length_s, slower = drifted(trial(), latencies, 10.0, drifting(0.1))
    assert found.sum() == pytest.approx(length_s) and length_s == pytest.approx(10 * slower)
    assert np.log(found).std() == pytest.approx(0.1, rel=0.3)
    assert np.corrcoef(found[1:], found[:-1])[0, 1] > 0.8
    none, length_s, slower = drifted(trial(), np.empty(0), 10.0, drifting(0.1))
    assert (len(none), length_s) == (0, 10.0) and slower == pytest.approx(1, abs=0.1) and slower != 1
