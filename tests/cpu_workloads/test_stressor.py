from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from cpu_workloads import stressor


class Ticking:
    """Every step takes one tick of a clock of its own."""

    name = "ticking"
    unit = "ticks"

    def __init__(self) -> None:
        self.steps = 0

    def step(self) -> int:
        self.steps += 1
        return 10

    def facts(self) -> Mapping[str, object]:
        return {}

    def verify(self) -> None:
        pass


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> Ticking:
    task = Ticking()
    monkeypatch.setattr(stressor, "now", lambda: stressor.Moment(task.steps * 1000, task.steps / 2))
    return task


def test_the_step_that_a_word_interrupts_is_not_counted(ticking: Ticking) -> None:
    report = stressor.measure(ticking, lambda: ticking.steps >= 5)
    assert ticking.steps == 5
    assert report == {"unit": "ticks", "count": 40.0, "begin_ns": 0, "end_ns": 4000, "cpu_s": 2.0}


def test_a_word_between_two_steps_ends_at_once(ticking: Ticking) -> None:
    # Not pending when asked after step 3, pending when asked before step 4.
    answers: Iterator[bool] = iter([False, False, False, False, True])
    report = stressor.measure(ticking, lambda: next(answers))
    assert (ticking.steps, report["count"]) == (3, 30.0)


def test_the_first_step_always_counts(ticking: Ticking) -> None:
    report = stressor.measure(ticking, lambda: True)
    assert (report["count"], report["end_ns"]) == (10.0, 1000)


def test_exactly_so_many_steps(ticking: Ticking) -> None:
    report = stressor.measure_steps(ticking, 7)
    assert (ticking.steps, report["count"], report["end_ns"]) == (7, 70.0, 7000)
