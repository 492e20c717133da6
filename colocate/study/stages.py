"""Which trials of a plan are still wanted: all of them or, with sequential stopping, those of undecided cells.

A plan runs in stages. A study with a fixed number of repeats is one stage. With sequential stopping there is one
stage up to each look of the `Schedule`; after it, the blocks of settled and given-up cells are dropped. A steady
window of an open cell keeps the windows that it is compared with: the solo window, the task alone and the idle
machine.

A study is judged from its records alone: the same records give the same stages, so an interrupted study goes on as if
it had never stopped. For the same reason, a budget is compared with the time from `plan.estimate_s`, not with a
clock. A stage that would exceed the budget does not begin, because blocks between two looks decide nothing.
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
"""Returns the evidence of the first n repeats. All wanted trials of these must have ended."""


@dataclass(frozen=True, slots=True)
class OverBudget:
    """The first look beyond the budget: it is after `repeats` repeats, which take `at_s` seconds in all."""

    repeats: int
    at_s: float


def stages(
    trials: Sequence[Trial], spec: SweepSpec, evidence_after: EvidenceAfter
) -> Generator[Stage, None, OverBudget | None]:
    """Yield the stages of a study with sequential stopping, then return the look that the budget did not reach, or
    None.

    `trials` is the whole plan. All trials of a stage must have ended when the next stage is requested.
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
    """Return the trials of `cells`, with those that their steady windows are compared with; all trials if `cells` is
    None.
    """
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
    """How far a study has come, judged from its records.

    `wanted` are the trials of all stages so far. The study is `finished` if these have ended and no stage follows.
    `evidence` is what may be judged: with sequential stopping that of the `looks` complete stages, or if there is
    none, of the repeats before the first look. `over_budget` is the look that the budget did not reach.
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
    """Return how far the study has come that has these `records` and these `failed` trials.

    `evidence` is what `collect` returns for all of them, if the caller has it already. Raises ValueError where
    `collect` does.
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
            # Before its first look, sequential stopping shows nothing. With fixed repeats, all records count.
            repeats = repeats or (stage.repeats - 1 if spec.until_decided else stage.repeats)
            break
        repeats = stage.repeats
        looks += spec.until_decided
    return StudyState(tuple(wanted), finished, evidence_after(repeats), looks, over_budget)


def _window(trial: Trial) -> tuple[int, CellKey, bool]:
    """Return which window of the plan a trial is. Its id would not do, because runs of former versions have other
    ids.
    """
    return trial.repeat, CellKey.of(trial), trial.alternating
