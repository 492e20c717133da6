"""The loop itself; what a study makes of it is in test_sweep.py."""

from __future__ import annotations

from colocate.errors import TrialError
from colocate.model.trial import Failure, Trial, TrialRecord
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
