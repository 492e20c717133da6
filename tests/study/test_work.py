"""Rates of work: known, unknown, and none at all."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from colocate.model.cell import Interval
from colocate.model.command import Command
from colocate.model.limits import Limits, Quantity
from colocate.model.quality import QualityFlag
from colocate.model.request import Inference, Task
from colocate.model.trial import TrialRecord, Work
from colocate.study.advice import Verdict, advise
from colocate.study.evidence import collect
from colocate.study.interference import cells
from colocate.study.work import does_nothing, rates_per_s, share_of, unfinished, work_per_s
from tests.study.measured import measured
from tests.study.truth import NETWORK, SPEC, TASK, record, trial

SERVICE = Task("server", ("server",), command=Command(run="service"))


def worked(*parts: Work, task: Task = TASK, inference: Inference | None = NETWORK) -> TrialRecord:
    of = record(trial(0, task, inference), np.full(10 if inference else 0, 0.01))
    return dataclasses.replace(of, work=Work.of_mix(parts) if len(parts) > 1 else parts[0])


def images(count: float, elapsed_s: float, cpu_s: float | None = None) -> Work:
    return Work("images", count, elapsed_s, elapsed_s if cpu_s is None else cpu_s)


def test_the_rate_is_over_all_windows_and_unknown_where_one_finished_nothing() -> None:
    bare = record(trial(1), np.ones(3))
    assert work_per_s([worked(images(10, 1.0)), worked(images(30, 3.0)), bare]) == pytest.approx(10.0)
    assert work_per_s([worked(images(10, 1.0)), worked(images(0, 3.0))]) is None
    assert work_per_s([bare]) is None


def test_the_share_of_a_mix_is_the_mean_of_its_tasks_each_against_its_own_rate() -> None:
    def mixed(frames: float, runs: float) -> TrialRecord:
        return worked(Work("frames", frames, 2.0, 1.0), Work("runs", runs, 2.0, 1.0))

    assert rates_per_s([mixed(10, 4), mixed(20, 2)]) == (7.5, 1.5)
    assert work_per_s([mixed(10, 4)]) is None, "frames and runs cannot be added up"
    assert rates_per_s([mixed(10, 0)]) == ()
    assert share_of((5.0, 1.0), (10.0, 4.0)) == pytest.approx((0.5 + 0.25) / 2)
    assert share_of((), (10.0, 4.0)) is None and share_of((1.0,), ()) is None


@pytest.mark.parametrize(("cpu_s", "rate"), [(0.0, 5.0), (0.01, 5.0), (0.5, None)])
def test_a_task_that_got_next_to_no_cpu_did_nothing(cpu_s: float, rate: float | None) -> None:
    """One that got some may be within a run that is longer than the window."""
    alone = [worked(images(40, 2.0), inference=None)]
    own = [worked(images(20, 2.0)), worked(images(0, 2.0, cpu_s))]
    assert work_per_s(own, alone) == rate
    assert work_per_s(own) is None, "what it uses alone is not known"
    assert [unfinished(each, alone) for each in own] == [False, rate is None]


def test_a_task_of_a_mix_that_did_nothing_has_no_rate_beside_those_that_did() -> None:
    alone = [worked(images(40, 2.0), Work("runs", 8.0, 2.0, 1.0), inference=None)]
    starved = worked(images(20, 2.0), Work("runs", 0.0, 2.0, 0.001))
    assert rates_per_s([starved], alone) == (10.0, 0.0)
    mix = Task("both", parts=(TASK, SERVICE))
    assert not unfinished(dataclasses.replace(starved, trial=trial(0, mix)), alone)
    assert unfinished(worked(images(20, 2.0), Work("runs", 0.0, 2.0, 0.5), task=mix), alone)


@pytest.mark.parametrize(
    ("task", "cpu_s", "warned"),
    [
        # One waits, and the other shows no progress.
        (SERVICE, 0.0, False), (SERVICE, 0.3, True),
        # What others leave no CPU to has no run that is too long for the window.
        (TASK, 0.01, False), (TASK, 0.3, True),
        # A run may sleep for longer than the window.
        (Task("sleep", ("sleep", "1000")), 0.0, True),
    ],
)  # fmt: skip
def test_only_what_worked_or_has_runs_that_end_completed_none(task: Task, cpu_s: float, warned: bool) -> None:
    own = worked(Work("units", 0.0, 2.0, cpu_s), task=task)
    assert unfinished(own, [own]) == warned


def starved(window: TrialRecord) -> TrialRecord:
    """A window beside the network in which the task got no CPU."""
    beside = window.trial.task is not None and window.trial.inference is not None
    return dataclasses.replace(window, work=Work("images", 0.0, 2.0, 0.0)) if beside else window


def test_an_idle_task_that_does_nothing_beside_the_network_loses_all_of_its_work() -> None:
    done = [starved(window) for window in measured(4)]
    (cell,) = (each for each in cells(done, SPEC) if each.task == TASK.name)
    assert (cell.work_per_s, cell.work_loss_ratio) == (0.0, Interval(1.0, 1.0, 1.0))
    assert QualityFlag.NO_RUN_COMPLETED not in cell.warnings
    evidence = collect(done, SPEC)
    (own,) = (each for each in evidence if each.colocated)
    assert own.values[Quantity.WORK_LOSS] == dict.fromkeys(range(4), 1.0)
    assert own.work_share == 0.0 and not own.withheld
    (ruling,) = advise(evidence, Limits(max_work_loss=0.5)).rulings
    assert ruling.verdict is Verdict.UNSAFE
    assert ruling.checks[0].interval == Interval(1.0, 1.0, 1.0)


@pytest.mark.parametrize(("share", "idle"), [(0.0, True), (0.009, True), (0.01, False), (1.2, False), (None, False)])
def test_a_share_that_is_no_work_to_speak_of(share: float | None, idle: bool) -> None:
    assert does_nothing(share) is idle
