"""A run and limits -> verdicts, and what must be said beside them."""

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
    """The advice on a run; `saving` is of a study with sequential stopping. `required` is what the user must run."""

    run: LoadedRun
    state: StudyState
    advice: Advice
    saving: Saving | None
    required: tuple[Required, ...] = ()

    @property
    def schedule(self) -> Schedule | None:
        """The looks of a study with sequential stopping; None for any other."""
        looks = looks_of(self.run.header.spec)
        return looks if isinstance(looks, Schedule) else None

    @property
    def contained(self) -> tuple[Contained, ...]:
        """For each task the best containment; none where no task was contained."""
        bound = any(member.containment for task in self.run.header.spec.tasks for member in task.members)
        return containments(self.advice) if bound else ()

    @property
    def answer(self) -> Verdict:
        """Whether all that is required may run, or where nothing is, anything anywhere."""
        if self.required:
            return worst(each.verdict for each in self.required)
        if self.safe:
            return Verdict.SAFE
        return Verdict.UNDECIDED if self.count(Verdict.UNDECIDED) else Verdict.UNSAFE

    @property
    def safe(self) -> bool:
        """Whether anything may run anywhere."""
        return bool(self.advice.choices)

    def count(self, verdict: Verdict) -> int:
        """How many cells have this verdict."""
        return sum(ruling.verdict is verdict for ruling in self.advice.rulings)


def advise_on(run: LoadedRun, limits: Limits, require: Sequence[str] = ()) -> AdviceReport:
    """What `limits` allow in the run, and of that what a user must run: `require` names cells.

    Raises SpecError where there is no task to judge, or none that is required, StoreError for a damaged run.
    """
    spec, state, looks = run.header.spec, state_of_run(run), looks_of(run.header.spec)
    advice = advise(state.evidence, limits, looks if isinstance(looks, Schedule) else once)
    if not advice.rulings:
        why = "yet" if not state.finished else "in this run"
        raise SpecError(f"there is nothing to judge {why}: no window of a network beside a task; give a run of sweep")
    saved = None
    if spec.until_decided and state.finished:
        decided = sum(ruling.verdict is not Verdict.UNDECIDED for ruling in advice.rulings)
        full_s = partial(repeats_s, spec, run.header.facts)
        saved = saving(state.evidence, limits, decided, state.wanted, full_s)
    return AdviceReport(run, state, advice, saved, required(advice.rulings, require))
