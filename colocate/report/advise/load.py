"""Judge a run under limits: the verdicts, and what else the answer needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from colocate.errors import SpecError
from colocate.model.limits import Limits
from colocate.report.advise.required import Required, required, worst
from colocate.report.run_report import LoadedRun, state_of_run
from colocate.study.advice import Advice, advise
from colocate.study.bounds import once
from colocate.study.containments import Contained, containments
from colocate.study.plan import repeats_s
from colocate.study.saving import Saving, saving
from colocate.study.sequential import Schedule, looks_of
from colocate.study.stages import StudyState
from colocate.study.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class AdviceReport:
    """The advice on a run, and how far the run has come (`state`).

    `saving` is the time that sequential stopping saved; None if not known. `required` are the cells that the user
    must run (`--require`).
    """

    run: LoadedRun
    state: StudyState
    advice: Advice
    saving: Saving | None
    required: tuple[Required, ...] = ()

    @property
    def schedule(self) -> Schedule | None:
        """The looks (interim analyses) of a study with sequential stopping; None for any other study."""
        looks = looks_of(self.run.header.spec)
        return looks if isinstance(looks, Schedule) else None

    @property
    def contained(self) -> tuple[Contained, ...]:
        """The best containment of each task beside each network, in each placement; empty if no task had one."""
        bound = any(member.containment for task in self.run.header.spec.tasks for member in task.members)
        return containments(self.advice) if bound else ()

    @property
    def answer(self) -> Verdict:
        """The verdict on all `required` cells together.

        If none are required: SAFE if any cell is SAFE, else UNDECIDED if any is UNDECIDED, else UNSAFE.
        """
        if self.required:
            return worst(each.verdict for each in self.required)
        if self.safe:
            return Verdict.SAFE
        return Verdict.UNDECIDED if self.count(Verdict.UNDECIDED) else Verdict.UNSAFE

    @property
    def safe(self) -> bool:
        """Whether any cell is SAFE."""
        return bool(self.advice.choices)

    def count(self, verdict: Verdict) -> int:
        """How many cells have this verdict."""
        return sum(ruling.verdict is verdict for ruling in self.advice.rulings)


def state_to_judge(run: LoadedRun) -> StudyState:
    """Return how far the run has come. Raises SpecError if it has no cell that any limit could judge; StoreError if
    the run is damaged.
    """
    state = state_of_run(run)
    if not any(each.colocated for each in state.evidence):
        why = "in this run" if state.finished or not run.header.spec.tasks else "yet"
        raise SpecError(f"there is nothing to judge {why}: no window of a network beside a task; give a run of sweep")
    return state


def advise_on(run: LoadedRun, limits: Limits, require: Sequence[str] = ()) -> AdviceReport:
    """Judge every cell of the run under `limits`. `require` names cells that the user must run, as `PATTERN` shows.

    Raises SpecError if there is no cell to judge, or no cell of a required name; StoreError if the run is damaged.
    """
    spec, state, looks = run.header.spec, state_to_judge(run), looks_of(run.header.spec)
    advice = advise(state.evidence, limits, looks if isinstance(looks, Schedule) else once)
    saved = None
    if spec.until_decided and state.finished:
        decided = sum(ruling.verdict is not Verdict.UNDECIDED for ruling in advice.rulings)
        full_s = partial(repeats_s, spec, run.header.facts)
        saved = saving(state.evidence, limits, decided, state.wanted, full_s)
    return AdviceReport(run, state, advice, saved, required(advice.rulings, require))
