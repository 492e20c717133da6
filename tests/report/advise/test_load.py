"""A run and limits -> verdicts: of what the run has shown so far, as often as it was looked at."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest

from colocate.errors import SpecError
from colocate.model.limits import Limits
from colocate.model.trial import TrialRecord
from colocate.report.advise.load import advise_on
from colocate.report.run_report import LoadedRun
from colocate.store.run_file import Header
from colocate.study.advice import Verdict
from colocate.study.evidence import collect
from colocate.study.plan import plan
from colocate.study.sequential import Schedule
from tests.study.test_plan import facts
from tests.study.until_decided import SPEC, TRIALS, WHOLE, measured

LIMITS = Limits(max_slowdown=1.2, percentile="p50")


def run_of(records: Sequence[TrialRecord]) -> LoadedRun:
    header = Header({}, SPEC, facts(probes=("synthetic",)), {}, None, len(TRIALS))
    return LoadedRun(Path("run"), header, tuple(records), (), collect(records, SPEC))


def test_a_study_until_decided_is_judged_at_its_looks_and_reports_what_it_saved() -> None:
    found = advise_on(run_of(WHOLE), LIMITS)
    assert found.schedule == Schedule(SPEC.repeats) and found.state.finished
    assert (found.count(Verdict.SAFE), found.count(Verdict.UNSAFE)) >= (1, 1) and found.safe
    assert found.saving is not None and found.saving.fixed_repeats >= 2


def test_what_is_not_finished_has_saved_nothing_yet() -> None:
    half = [record for record in WHOLE if record.trial.repeat < 5]
    found = advise_on(run_of(half), LIMITS)
    assert (found.state.finished, found.saving, found.state.looks) == (False, None, 1)


def test_limits_beyond_which_nothing_lies_leave_no_choice() -> None:
    found = advise_on(run_of(WHOLE), Limits(max_slowdown=1.0001, percentile="p50"))
    assert not found.safe and found.count(Verdict.SAFE) == 0


def test_a_run_without_a_task_has_nothing_to_judge() -> None:
    with pytest.raises(SpecError, match="nothing to judge yet: no window of a network beside a task"):
        advise_on(run_of(()), LIMITS)
    alone = dataclasses.replace(SPEC, tasks=(), until_decided=False)
    machine = facts(probes=("synthetic",))
    records = tuple(measured(trial) for trial in plan(alone, machine))
    header = Header({}, alone, machine, {}, None, len(records))
    with pytest.raises(SpecError, match="nothing to judge in this run"):
        advise_on(LoadedRun(Path("run"), header, records, (), collect(records, alone)), LIMITS)
