"""The course of an alternating window, with pauses and a task of words alone; and with real ones."""

from __future__ import annotations

import contextlib
import dataclasses
import time

import numpy as np
import pytest

from colocate.model.quality import QualityFlag
from colocate.model.request import Task
from colocate.model.trial import Condition, Work
from colocate.rigs.host import alternation
from colocate.rigs.host.alternation import Alternated, Alternation, Stretch
from colocate.rigs.host.gauge import Count, Counts, Part, StepGauge
from colocate.rigs.host.resting import RESTING_RATIO
from colocate.study.alternation import Pace, Turn
from tests.rigs.host.alternating import KINDS, alternating, confinement_of, rig_of
from tests.rigs.host.trials import holds_every_condition, long_enough

PACE = Pace(1.0, 0.1)
A, B, T = Condition.ALONE, Condition.BESIDE, Condition.TASK_ALONE


class Machine:
    """Time that passes only where somebody sleeps, and a task that does 10 units a second unless it is paused."""

    unit = "words"
    coarse = False
    lines_of = 0.0
    parts = ()

    def __init__(self, monkeypatch: pytest.MonkeyPatch, late_s: float = 0.0) -> None:
        self.now_s, self.done, self.words = 100.0, 0.0, list[str]()
        self.late_s, self.rests = late_s, False
        self.still: dict[str, bool] = {"task": False, "network": False}
        monkeypatch.setattr(alternation, "sleep_until", self.sleep_until)
        monkeypatch.setattr(alternation, "stands_still", self.stands_still)
        monkeypatch.setattr(time, "monotonic", lambda: self.now_s)
        monkeypatch.setattr(time, "monotonic_ns", lambda: round(self.now_s * 1e9))

    def sleep_until(self, moment_s: float) -> None:
        passed_s = max(0.0, moment_s - self.now_s)
        self.done += 0.0 if self.still["task"] or self.rests else 10 * passed_s
        self.now_s += passed_s

    def stands_still(self, pause: Held, timeout_s: float) -> bool:
        waited_s = min(max(timeout_s, 0.0), self.late_s)
        self.now_s += waited_s
        if waited_s == self.late_s:
            self.still[pause.name] = True
        return waited_s == self.late_s

    def read(self) -> Counts:
        cpu_s = self.done / 10
        counted = self.done - self.done % self.lines_of if self.lines_of else self.done
        return (Count(counted, cpu_s, cpu_s),)


@dataclasses.dataclass
class Held:
    machine: Machine
    name: str

    def ask(self) -> None:
        self.machine.words.append(f"pause {self.name}")

    def is_still(self) -> bool:
        return self.machine.still[self.name]

    def resume(self) -> None:
        self.machine.words.append(f"resume {self.name}")
        self.machine.still[self.name] = False


def course(machine: Machine, conditions: list[Condition], catch_up: float = 0.0) -> Alternation:
    turns = [Turn(condition, 0) for condition in conditions]
    return Alternation(turns, PACE, Held(machine, "task"), Held(machine, "network"), machine, catch_up)


def test_segments_begin_after_the_guard_and_end_before_the_next_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, late_s=0.05)
    found = course(machine, [A, B, B, A, T])
    assert found.length_s == 5
    for look_s in (100.5, 102.0, 105.0):
        found.until(look_s)
        assert machine.now_s == pytest.approx(look_s)
    segments = found.noted().segments(100_000_000_000)
    assert [segment.condition for segment in segments] == [A, B, B, A, T]
    assert [segment.begin_s for segment in segments] == pytest.approx([0.15, 1.1, 2.1, 3.15, 4.15])
    assert [segment.end_s for segment in segments] == pytest.approx([1, 2, 3, 4, 5])
    assert [segment.work for segment in segments] == pytest.approx([0, 9, 9, 0, 8.5])
    assert not found.noted().paused_late
    # The last word is the caller's, who resumes all.
    assert machine.words == ["pause task", "resume task", "pause task", "pause network", "resume task"]


def test_a_pause_that_comes_too_late_costs_its_segment_and_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, late_s=2.0)
    found = course(machine, [B, A, B])
    found.until(103.0)
    assert [each.turn.condition for each in found.noted().stretches] == [B, B]
    assert found.noted().paused_late
    assert machine.words == ["pause task", "resume task"]


def test_who_is_held_up_goes_through_all_turns_later(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch)
    found = course(machine, [A, B, A])
    found.until(100.5)
    machine.now_s = 109.0
    found.until(103.0)
    found.finish()
    segments = found.noted().segments(100_000_000_000)
    assert [segment.end_s for segment in segments] == pytest.approx([9, 10, 11])
    assert segments[1].length_s == pytest.approx(0.9)


def test_a_task_that_cannot_run_disturbs_no_more_than_a_paused_one(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, late_s=2.0)
    machine.rests = True
    found = course(machine, [B, A, T])
    found.until(103.0)
    # What a paused network does is not counted, so it has to stand still.
    assert [each.turn.condition for each in found.noted().stretches] == [B, A]
    assert found.noted().segments(100_000_000_000)[1].begin_s == pytest.approx(1.55)


def test_a_network_at_a_frame_rate_catches_up_before_its_next_segment(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch)
    found = course(machine, [T, A], catch_up=0.5)
    assert found.length_s == 2.5
    found.until(102.5)
    last = found.noted().segments(100_000_000_000)[-1]
    assert (last.begin_s, last.end_s) == pytest.approx((1.6, 2.5))


def test_lines_that_come_often_are_counted_and_rare_ones_are_shared_out_by_cpu_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A segment holds 9 units of work.
    machine = Machine(monkeypatch)
    machine.coarse = True
    turns = course(machine, 4 * [A, B, T])
    machine.lines_of = 1.0
    turns.finish()
    often = turns.noted()
    assert often.unit == "words"
    assert [round(segment.work or 0.0) in (0, 8, 9, 10) for segment in often.segments(0)] == 12 * [True]
    machine.lines_of = 40.0
    turns = course(machine, 4 * [A, B, T])
    turns.finish()
    rarely = turns.noted()
    assert rarely.unit is None
    assert {round(segment.work or 0.0, 6) for segment in rarely.segments(0)} == {0.0, 0.9}


def test_work_is_that_beside_the_network() -> None:
    def stretch(condition: Condition, begin_s: int, cpu_s: float) -> Stretch:
        before, after = Count(10.0 * begin_s, begin_s, begin_s), Count(10 * (begin_s + cpu_s), *[begin_s + cpu_s] * 2)
        return Stretch(Turn(condition, 0), begin_s * 10**9, (begin_s + 1) * 10**9, (before,), (after,))

    stretches = (stretch(A, 0, 0.0), stretch(B, 1, 0.5), stretch(B, 2, 0.25), stretch(T, 3, 1.0))
    reported = Work("words", 30.0, 4.0, 3.0)
    assert Alternated(stretches, False, "words").work(reported) == Work("words", 7.5, 2.0, 0.75)
    # Of a user's program a quarter of the CPU time fell beside the network, and so a quarter of its runs.
    assert Alternated(stretches, False, None).work(reported) == Work("words", 7.5, 2.0, 0.75)


def test_a_window_of_which_nothing_is_left_has_no_segments() -> None:
    nothing = Alternated((), True, "words")
    assert nothing.segments(0) == ()
    assert nothing.work(Work("words", 1.0, 1.0, 1.0)) == Work("words", 0, 0, 0)


@pytest.mark.parametrize("task", [Task("stringsearch"), Task("lists", ("sh", "-c", "for i in 1 2 3; do ls /; done"))])
@pytest.mark.parametrize("kind", KINDS)
def test_a_real_window_holds_all_three_conditions(kind: str, task: Task) -> None:
    if confinement_of(kind) is None:
        pytest.skip(f"this process cannot pause by {kind}")
    rig = rig_of(kind)
    asked = dataclasses.replace(alternating(task, window_s=1.0), segment_s=0.2)
    with rig.opened([asked]):
        record = long_enough(
            rig, asked,
            lambda record: (
                holds_every_condition(record) and record.work is not None and record.work.count > 0
            ),
        )  # fmt: skip
        # The children are as they were: a steady window follows.
        steady = dataclasses.replace(asked, alternating=False, segment_s=None, window_s=0.2)
        assert long_enough(rig, steady, lambda record: record.latencies_s.size > 0).segments == ()
    assert record.conditions is not None and record.power is None and record.work is not None
    # Of the unit of the segments, by CPU time: a program's own runs are counted when they end.
    per_cpu_s = 1.0 if task.argv else record.work.count / record.work.cpu_s
    for segment in record.segments:
        assert 0 < segment.begin_s < segment.end_s
        assert segment.work is not None
        rests = segment.work <= 2 * RESTING_RATIO * segment.length_s * per_cpu_s
        assert segment.condition is not A or rests, "what is paused stops, as soon as it gets a CPU"
    for condition in (A, B):
        assert np.count_nonzero(record.conditions == condition)
    assert record.work.elapsed_s == pytest.approx(sum(s.length_s for s in record.segments if s.condition is B))
    # The pauses are no end.
    assert QualityFlag.TASK_ENDED_EARLY not in record.warnings


def test_an_interrupted_window_leaves_nothing_paused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the moment: the children end as politely as ever."""
    rig, asked = rig_of("signals"), alternating(Task("stringsearch"))
    monkeypatch.setattr(StepGauge, "read", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
    with rig.opened([asked]):
        assert rig._hold is not None
        with pytest.raises(KeyboardInterrupt):
            rig.run(asked)
        children = [*rig._hold.children.tasks(asked), *rig._hold.children.worker(asked)]
        with contextlib.suppress(KeyError):
            assert all(child.stop(120) for child in children)


def test_the_work_of_a_mix_is_how_long_its_tasks_take_for_it_without_the_network() -> None:
    """One task has two processes that do 10 words a second, the other uses its CPU; beside the network they get half
    and a quarter.
    """

    def stretch(condition: Condition, begin_s: int, share: float) -> Stretch:
        ends = [begin_s + share, begin_s + share, begin_s + share / 2]
        before = tuple(Count(each * begin_s, begin_s, begin_s) for each in (10.0, 10.0, 1.0))
        after = tuple(Count(each * end, end, end) for each, end in zip((10.0, 10.0, 1.0), ends, strict=True))
        return Stretch(Turn(condition, 0), begin_s * 10**9, (begin_s + 1) * 10**9, before, after)

    parts = (Part("words", 2), Part(None, 1))
    beside = dataclasses.replace(stretch(B, 1, 0.5))
    found = Alternated((stretch(A, 0, 0.0), beside, stretch(T, 2, 1.0)), False, None, parts)
    assert [segment.work for segment in found.segments(0)] == pytest.approx([0.0, 0.5, 1.0])
    reported = Work.of_mix((Work("words", 30.0, 3.0, 3.0), Work("runs", 6.0, 3.0, 0.75)))
    work = found.work(reported)
    assert work.parts == (Work("words", 10.0, 1.0, 1.0), Work("runs", 2.0, 1.0, 0.25))
    assert (work.unit, work.count, work.cpu_s) == ("", 2.0, 1.25)
    assert [s.work for s in Alternated(found.stretches[:2], False, None, parts).segments(0)] == [None, None]
