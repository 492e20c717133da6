"""Which trials are wanted, stage by stage; whatever interrupts a study, its end is the same."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocate.errors import SpecError
from colocate.model.cell_key import CellKey
from colocate.model.limits import Limits, Quantity
from colocate.model.request import Task
from colocate.model.trial import Trial, TrialRecord
from colocate.study.advice import Verdict, advise
from colocate.study.plan import STEADY_REPEATS, estimate_s, plan, whole, within_budget
from colocate.study.sequential import Schedule
from colocate.study.stages import state_of, windows_for
from tests.study.test_plan import facts
from tests.study.until_decided import SLOWDOWNS, SPEC, TRIALS, WHOLE, carried_on, measured


def test_a_study_of_so_many_repeats_is_one_stage() -> None:
    fixed = dataclasses.replace(SPEC, until_decided=False)
    assert whole(TRIALS).trials == TRIALS and whole(TRIALS).repeats == 20
    stands = state_of(TRIALS, fixed, [measured(trial) for trial in TRIALS[:30]], [])
    assert (stands.wanted, stands.finished) == (TRIALS, False)
    assert {len(each.values[Quantity.LATENCY_P50]) for each in stands.evidence} <= {1, 2, 3, 4, 5}


def test_settled_cells_leave_their_time_to_the_open_one() -> None:
    last: dict[str, int] = {}
    for record in WHOLE:
        if record.trial.task is not None and record.trial.inference is not None:
            name = record.trial.task.name
            last[name] = max(record.trial.repeat, last.get(name, 0))
    assert last["light"] == last["heavy"] == 3 < last["near"]
    late = [record.trial for record in WHOLE if record.trial.repeat > 3]
    assert {(t.inference is None, t.task.name if t.task else None) for t in late} == {
        (False, "near"), (False, None), (True, "near"),
    }  # fmt: skip
    advice = advise(state_of(TRIALS, SPEC, WHOLE, []).evidence, SPEC.limits or Limits(), Schedule(20))
    verdicts = {ruling.cell.task: ruling.verdict for ruling in advice.rulings}
    assert (verdicts["light"], verdicts["heavy"]) == (Verdict.SAFE, Verdict.UNSAFE)


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(1, 40), max_size=4))
def test_wherever_it_is_interrupted_the_end_is_the_same(stops: list[int]) -> None:
    records: list[TrialRecord] = []
    for most in stops:
        records = carried_on(records, most=most)
    ended = carried_on(records)
    assert [record.trial.trial_id for record in ended] == [record.trial.trial_id for record in WHOLE]


def test_a_repeat_that_is_not_complete_is_no_look() -> None:
    first_look = [record for record in WHOLE if record.trial.repeat < 4]
    for cut in (first_look[:-1], first_look[:3]):
        evidence = state_of(TRIALS, SPEC, cut, []).evidence
        rulings = advise(evidence, SPEC.limits or Limits(), Schedule(20)).rulings
        assert all(ruling.verdict is Verdict.UNDECIDED for ruling in rulings)
    assert not state_of(TRIALS, SPEC, first_look, []).finished, "one cell is open"


def test_the_look_that_the_budget_cut_off_is_reported() -> None:
    first = [record for record in WHOLE if record.trial.repeat < 4]
    budget_s = estimate_s([record.trial for record in first]) + 1.0
    stands = state_of(TRIALS, dataclasses.replace(SPEC, budget_s=budget_s), first, [])
    assert stands.finished and stands.looks == 1 and stands.over_budget is not None
    assert stands.over_budget.repeats == Schedule(20).next_look(4) and stands.over_budget.at_s > budget_s
    assert state_of(TRIALS, SPEC, WHOLE, []).over_budget is None


def test_a_failed_trial_ends_its_stage_all_the_same() -> None:
    failed = [record.trial for record in WHOLE if record.trial.repeat == 2][:1]
    records = [record for record in WHOLE if record.trial not in failed]
    assert state_of(TRIALS, SPEC, records, failed).evidence
    assert {each.cell.task for each in state_of(TRIALS, SPEC, records, failed).evidence} == {"none", *SLOWDOWNS}


def test_a_stage_beyond_the_budget_is_not_begun() -> None:
    first_s = estimate_s([trial for trial in TRIALS if trial.repeat < 4])
    tight = dataclasses.replace(SPEC, budget_s=first_s + 1)
    ended = carried_on([], tight)
    assert {record.trial.repeat for record in ended} == {0, 1, 2, 3}
    assert state_of(TRIALS, tight, ended, []).finished
    taken = estimate_s([record.trial for record in WHOLE])
    assert len(carried_on([], dataclasses.replace(SPEC, budget_s=taken + 1))) == len(WHOLE)


def test_a_budget_bounds_the_repeats() -> None:
    machine = facts(probes=("synthetic",))
    repeat_s = estimate_s([trial for trial in TRIALS if trial.repeat == 0])
    assert within_budget(SPEC, machine) == SPEC
    assert within_budget(dataclasses.replace(SPEC, budget_s=2.5 * repeat_s), machine).repeats == 2
    assert within_budget(dataclasses.replace(SPEC, budget_s=4.5 * repeat_s), machine).repeats == 16
    assert within_budget(dataclasses.replace(SPEC, budget_s=99 * repeat_s), machine).repeats == 20
    with pytest.raises(SpecError, match="two repeats"):
        within_budget(dataclasses.replace(SPEC, budget_s=1.5 * repeat_s), machine)


def test_a_budget_counts_that_the_first_repeats_of_an_alternating_study_hold_more() -> None:
    alternating = dataclasses.replace(SPEC, alternating=True)
    machine = facts(probes=("synthetic",))
    trials = plan(alternating, machine)
    first_s, later_s = (
        estimate_s([trial for trial in trials if trial.repeat == repeat]) for repeat in (0, STEADY_REPEATS)
    )
    assert first_s > 2 * later_s
    budget_s = STEADY_REPEATS * first_s + 1.5 * later_s
    assert within_budget(dataclasses.replace(alternating, budget_s=budget_s), machine).repeats == 3
    with pytest.raises(SpecError, match="two repeats"):
        within_budget(dataclasses.replace(alternating, budget_s=1.5 * first_s), machine)


def test_a_baseline_is_wanted_where_a_steady_window_is_set_against_it() -> None:
    tasks = (Task("light", pause=False), Task("near"), Task("heavy"))
    trials = plan(dataclasses.replace(SPEC, tasks=tasks, alternating=True), facts(probes=("synthetic",)))
    late = [trial for trial in trials if trial.repeat == STEADY_REPEATS]
    inference = next(trial.inference for trial in late if trial.inference)

    def wanted(task: str, of: list[Trial]) -> set[tuple[bool, str | None, bool]]:
        setting = CellKey(inference, "isolated", late[0].clocks, task)
        return {
            (trial.inference is not None, trial.task.name if trial.task else None, trial.alternating)
            for trial in windows_for(of, {setting})
        }

    assert wanted("near", late) == {(True, "near", True)}
    assert wanted("light", late) == {(True, "light", False), (True, None, False), (False, "light", False)}
    first = [trial for trial in trials if trial.repeat == 0]
    assert wanted("near", first) == {
        (True, "near", True), (True, "near", False), (True, None, False), (False, "near", False)
    }  # fmt: skip
    assert windows_for(late, None) == late


def test_an_alternating_window_and_a_steady_one_of_a_cell_are_two() -> None:
    spec = dataclasses.replace(SPEC, alternating=True, until_decided=False, repeats=2)
    trials = plan(spec, facts(probes=("synthetic",)))
    steady = [measured(trial) for trial in trials if not trial.alternating]
    assert not state_of(trials, spec, steady, []).finished
    assert state_of(trials, spec, steady, [trial for trial in trials if trial.alternating]).finished
