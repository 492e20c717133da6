"""Which trials of a plan are still wanted: all of them, or until its cells are decided those of the open ones.

A plan is worked off in stages. A study of so many repeats is one stage. One that goes on until decided has a stage
up to each look of its `Schedule`: after a look the blocks of settled cells, and of those given up, are dropped. What
a steady window of an open cell is set against stays with it: its solo window, its task alone and the idle machine.

A study is judged from its records alone: the same records give the same stages, so that an interrupted one goes on
as if it had never stopped. For the same reason a budget is counted as `plan.estimate_s` counts it. A stage that
would go beyond it is not begun, as blocks between two looks decide nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import dataclass

from colocate.model.cell_key import CellKey
from colocate.model.request import SweepSpec
from colocate.model.trial import Trial, TrialRecord
from colocate.study.evidence import Evidence, collect
from colocate.study.plan import Stage, estimate_s, whole
from colocate.study.sequential import Interim, Schedule, judge

EvidenceAfter = Callable[[int], Sequence[Evidence]]
"""The evidence of the first so many repeats, all of whose wanted trials have ended."""


@dataclass(frozen=True, slots=True)
class OverBudget:
    """The look that was not begun as the budget ended before it: after `repeats` repeats, `at_s` seconds in all."""

    repeats: int
    at_s: float


def stages(
    trials: Sequence[Trial], spec: SweepSpec, evidence_after: EvidenceAfter
) -> Generator[Stage, None, OverBudget | None]:
    """The stages of the plan `trials` of a study until decided, one after another; returns what the budget cut off.

    When the next one is asked for, all trials of those before must have ended.
    """
    assert spec.limits is not None, "a study until decided has limits"
    schedule = Schedule(spec.repeats)
    open_cells: Collection[CellKey] | None = None
    progress: Interim | None = None
    taken: list[Trial] = []
    repeats = 0
    while (look := schedule.next_look(repeats)) is not None:
        stage = windows_for([trial for trial in trials if repeats <= trial.repeat < look], open_cells)
        taken += stage
        if not stage:
            break
        if progress and spec.budget_s is not None and (at_s := estimate_s(taken)) > spec.budget_s:
            return OverBudget(look, at_s)
        yield Stage(tuple(stage), look, progress)
        repeats = look
        progress = judge(evidence_after(repeats), spec.limits, schedule)
        open_cells = {CellKey.of_cell(cell) for cell in progress.open_cells}
    return None


def windows_for(trials: Sequence[Trial], cells: Collection[CellKey] | None) -> list[Trial]:
    """The windows of `cells`, and those that the steady ones among them are set against; all of None."""
    if cells is None:
        return list(trials)
    own = [trial for trial in trials if CellKey.of(trial) in cells]
    wanted = {_window(trial) for trial in own}
    for repeat, setting, alternating in tuple(wanted):
        if not alternating:
            wanted |= {
                (repeat, against, False)
                for against in (
                    setting.solo,
                    setting._replace(inference=None),
                    setting.solo._replace(inference=None),
                )
            }
    return [trial for trial in trials if _window(trial) in wanted]


@dataclass(frozen=True, slots=True)
class StudyState:
    """How far the records of a study have come.

    `wanted` are the trials of all stages so far, and `finished`: each has ended and no stage comes after.
    `evidence` is what may be judged: of a study until decided, that of the last of its `looks` complete stages.
    `over_budget` is the look before which the budget ended a finished one.
    """

    wanted: tuple[Trial, ...]
    finished: bool
    evidence: tuple[Evidence, ...]
    looks: int = 0
    over_budget: OverBudget | None = None


def state_of(
    trials: Sequence[Trial],
    spec: SweepSpec,
    records: Sequence[TrialRecord],
    failed: Sequence[Trial],
    evidence: tuple[Evidence, ...] | None = None,
) -> StudyState:
    """Where the study stands that has these `records`, and these `failed` trials. `evidence` is what `collect` makes
    of them all, where that is known. Raises ValueError as `collect`.
    """
    ended = {_window(trial) for trial in (*(record.trial for record in records), *failed)}

    def evidence_after(repeats: int) -> tuple[Evidence, ...]:
        early = [record for record in records if record.trial.repeat < repeats]
        early_failed = [trial for trial in failed if trial.repeat < repeats]
        if evidence is not None and (len(early), len(early_failed)) == (len(records), len(failed)):
            return evidence
        return collect(early, spec, early_failed)

    over_budget: OverBudget | None = None

    def staged() -> Iterator[Stage]:
        nonlocal over_budget
        if spec.until_decided:
            over_budget = yield from stages(trials, spec, evidence_after)
        else:
            yield whole(trials)

    wanted: list[Trial] = []
    repeats = looks = 0
    finished = True
    for stage in staged():
        wanted += stage.trials
        finished = all(_window(trial) in ended for trial in stage.trials)
        if not finished:
            # Before its first look a study until decided has shown nothing; one of so many repeats shows what it has.
            repeats = repeats or (stage.repeats - 1 if spec.until_decided else stage.repeats)
            break
        repeats = stage.repeats
        looks += spec.until_decided
    return StudyState(tuple(wanted), finished, evidence_after(repeats), looks, over_budget)


def _window(trial: Trial) -> tuple[int, CellKey, bool]:
    """Which window of the plan a trial is: runs of former versions have other ids, and can be judged all the same."""
    return trial.repeat, CellKey.of(trial), trial.alternating
