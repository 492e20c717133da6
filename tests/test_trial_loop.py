"""The loop itself; what a study makes of it is in test_sweep.py."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal

import numpy as np
import psutil
import pytest

from colocate.errors import SpecError, TrialError
from colocate.model.machine import HostFacts
from colocate.model.trial import Failure, Outcome, Trial, TrialRecord
from colocate.trial_loop import ThisMachine, outcomes, undone
from tests.test_sweep import STUDY, TRIALS, Bench


def test_each_trial_is_announced_and_then_run() -> None:
    rig, started = Bench(), list[Trial]()
    for outcome in outcomes(rig, TRIALS, started.append):
        assert outcome.trial == started[-1] == rig.ran[-1] and outcome.board is None
    assert (*rig.ran,) == TRIALS


def test_a_trial_that_fails_is_an_outcome_like_any_other() -> None:
    def fails(record: TrialRecord, _: int) -> TrialRecord:
        raise TrialError("no memory")

    assert list(outcomes(Bench(fails), TRIALS[:1])) == [Failure(TRIALS[0], "no memory")]


def test_what_any_board_did_is_not_done_again() -> None:
    done = {"a": {TRIALS[0].trial_id}, "": {TRIALS[2].trial_id}}
    assert undone(TRIALS, done) == (TRIALS[1], *TRIALS[3:])


def test_this_machine_runs_what_is_missing() -> None:
    rig = Bench()
    site = ThisMachine(rig)
    site.check(STUDY.spec, TRIALS)
    done = {"": {TRIALS[0].trial_id}}
    assert site.sharing is None and site.missing(TRIALS, done) == TRIALS[1:]
    assert [each.trial for each in site.outcomes(TRIALS, done, lambda trial: None)] == [*TRIALS[1:]]


class Ahead(Bench):
    """A bench whose windows pass in virtual time."""

    def facts(self) -> HostFacts:
        return dataclasses.replace(super().facts(), virtual_time=True)


def test_what_passes_in_virtual_time_is_run_by_another_process() -> None:
    def noted(record: TrialRecord, _: int) -> TrialRecord:
        if record.trial == TRIALS[1]:
            raise TrialError("no memory")
        return dataclasses.replace(record, runtime={"process": os.getpid()})

    rig, started = Ahead(noted), list[Trial]()
    first, failed, *rest = ThisMachine(rig).outcomes(TRIALS, {}, started.append)
    assert (*started,) == TRIALS and rig.ran == []
    assert failed == Failure(TRIALS[1], "no memory") and [each.trial for each in rest] == [*TRIALS[2:]]
    assert isinstance(first, TrialRecord) and first.trial is TRIALS[0]
    assert first.runtime["process"] != os.getpid()
    np.testing.assert_array_equal(first.latencies_s, Bench().run(TRIALS[0]).latencies_s)


def test_what_the_other_process_cannot_run_is_run_here_and_so_errors_show() -> None:
    here = os.getpid()

    def dies(record: TrialRecord, _: int) -> TrialRecord:
        if record.trial == TRIALS[2] and os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        if record.trial == TRIALS[4]:
            raise SpecError("its layers are not known")
        return record

    rig, found = Ahead(dies), list[Outcome]()
    with pytest.raises(SpecError, match="its layers are not known"):
        found += ThisMachine(rig).outcomes(TRIALS, {}, lambda trial: None)
    assert (*rig.ran,) == TRIALS[2:5]


def test_the_other_process_ends_when_nobody_asks_for_more() -> None:
    def endless(record: TrialRecord, _: int) -> TrialRecord:
        if record.trial == TRIALS[1]:
            signal.pause()
        return record

    me = psutil.Process()
    before = {*me.children()}
    with contextlib.closing(ThisMachine(Ahead(endless)).outcomes(TRIALS, {}, lambda trial: None)) as asked:
        assert next(asked).trial == TRIALS[0]
        assert len({*me.children()} - before) == 1
    assert {*me.children()} <= before
