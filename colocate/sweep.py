"""plan -> run -> store: the one trial loop. Resumes what is missing; a failed trial is recorded and passed by."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from colocate.errors import SpecError, TrialError
from colocate.model.machine import HostFacts
from colocate.model.purpose import Purpose, SweepPurpose
from colocate.model.quality import QualityFlag
from colocate.model.request import SweepSpec
from colocate.model.trial import Trial, TrialRecord
from colocate.request.design import design_of, settled_design
from colocate.request.spec import Study
from colocate.rigs.rig import Rig
from colocate.store.run_file import Failure, Header, Run
from colocate.study.plan import Stage, loaded_inferences, plan, whole, within_budget

if TYPE_CHECKING:
    from colocate.study.narrowing import Narrowing

# Transient warnings: the trial is retried once.
TRANSIENT = frozenset({QualityFlag.CLOCK_DRIFTED, QualityFlag.THROTTLED, QualityFlag.HELD_UP})


# How long a study may get: settled before it begins, as its error is shared out over that.
_LENGTH = ("repeats", "budget_s")


class Observer(Protocol):
    """Hears of progress between windows, never inside one."""

    def begins(self, missing: Sequence[Trial], planned: int, facts: HostFacts) -> None:
        """The trials that are about to run, of so many planned, on a machine with these facts."""

    def starts(self, trial: Trial) -> None:
        """A trial is about to run."""

    def ended(self, outcome: TrialRecord | Failure) -> None:
        """A trial is on the disk."""

    def enters(self, stage: Stage, wanted: int) -> None:
        """A stage begins, with which so many trials are wanted in all."""

    def completes(self, narrowing: Callable[[], Narrowing | None]) -> None:
        """A repeat is over: how narrow intervals are now and will be, worked out where it is asked for."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Trials of the whole run: wanted, with numbers, failed; settings without any number, `empty`, and those of a
    network that have some, `served`.
    """

    wanted: int
    done: int
    failed: int
    empty: int
    served: int


def settled(study: Study, facts: HostFacts) -> SweepSpec:
    """What the study means on a machine with these `facts`: its design, and how many repeats its budget allows.

    Raises HostError for a design that the machine cannot have, and whatever `within_budget` raises.
    """
    return within_budget(settled_design(study.spec, study.keys, facts), facts)


def planned(study: Study, rig: Rig) -> tuple[SweepSpec, HostFacts, tuple[Trial, ...]]:
    """What the study means here, on which machine, and its trials. Nothing runs, and nothing is written.

    Raises what `settled`, `plan` and the rig raise.
    """
    facts = rig.facts()
    spec = settled(study, facts)
    trials = plan(spec, facts)
    rig.check(trials)
    return spec, facts, trials


def sweep(
    study: Study,
    rig: Rig,
    folder: Path,
    observer: Observer,
    *,
    resume: bool,
    trust: bool = False,
    purpose: Purpose | None = None,
) -> Tally:
    """Run every wanted trial of the study that `folder` does not hold yet; `purpose` goes into a new run's header.
    A folder that others could have written is used where the user says that it is to `trust`.

    Raises SpecError when the run in `folder` is of another study or machine, and whatever `plan`, the rig and
    the store raise. Trials that ended are kept whatever happens.
    """
    spec, facts, trials = planned(study, rig)
    networks = rig.networks(loaded_inferences(trials))
    header = Header(study.keys, spec, facts, networks, rig.provenance(), len(trials), purpose or SweepPurpose())
    with contextlib.ExitStack() as stack:
        missing = trials
        if resume:
            run = stack.enter_context(Run.resume(folder, trust=trust))
            refuse_other_study(run.header(), header)
            done = run.done()
            missing = tuple(trial for trial in trials if trial.trial_id not in done)
        if not resume or any(_missing(stage, done) for stage in _stages(trials, spec, run)):
            stack.enter_context(rig.opened(missing))
        if not resume:
            # Only now: a task that cannot run at all leaves no folder behind.
            run = stack.enter_context(Run.create(folder, header, trust=trust))
        observer.begins(missing, len(trials), facts)
        wanted: list[Trial] = []
        for stage in _stages(trials, spec, run):
            wanted += stage.trials
            observer.enters(stage, len(wanted))
            left = _missing(stage, run.done())
            for trial, after in itertools.zip_longest(left, left[1:]):
                observer.starts(trial)
                outcome = _outcome(rig, trial)
                run.append(outcome)
                observer.ended(outcome)
                if spec.tasks and (after is None or after.repeat > trial.repeat):
                    observer.completes(functools.partial(_narrowing, run, spec, trials, stage))
        return _tally(run, wanted)


def _stages(trials: Sequence[Trial], spec: SweepSpec, run: Run) -> Iterator[Stage]:
    """The stages of the plan; asked for the next one, it looks at the records of those before."""
    if not spec.until_decided:
        return iter([whole(trials)])
    # With scipy: not where nothing is judged before the report.
    from colocate.study.evidence import Evidence, collect
    from colocate.study.stages import stages

    def evidence_after(repeats: int) -> Sequence[Evidence]:
        return collect(
            (record for record in run.records() if record.trial.repeat < repeats),
            spec,
            [failure.trial for failure in run.failures() if failure.trial.repeat < repeats],
        )

    return stages(trials, spec, evidence_after)


def _narrowing(run: Run, spec: SweepSpec, trials: Sequence[Trial], stage: Stage) -> Narrowing | None:
    """How narrow the intervals of the open cells are, and what the trials of `trials` still to come bring."""
    from colocate.study.evidence import collect
    from colocate.study.narrowing import narrowing

    evidence = collect(run.records(), spec, [failure.trial for failure in run.failures()])
    done = run.done()
    to_come = [trial for trial in trials if trial.trial_id not in done]
    return narrowing(evidence, to_come, None if stage.progress is None else stage.progress.open_cells)


def _missing(stage: Stage, done: set[str]) -> list[Trial]:
    return [trial for trial in stage.trials if trial.trial_id not in done]


def refuse_other_study(stored: Header, wanted: Header) -> None:
    """Raise SpecError naming every field in which the two differ, so that no run ever mixes two studies."""
    differences = [
        f"{part}.{field.name} was {_words(was)} and is {_words(now)}"
        for part, before, after in (("spec", stored.spec, wanted.spec), ("machine", stored.facts, wanted.facts))
        for field in fields(before)
        if field.compare and (was := getattr(before, field.name)) != (now := getattr(after, field.name))
        if field.name != "alternating"
    ]
    if stored.spec.alternating != wanted.spec.alternating:
        differences.insert(0, f"design was {design_of(stored.spec)} and is {design_of(wanted.spec)}")
    if stored.networks != wanted.networks:
        differences.append("the network files differ")
    if differences:
        longer = any(getattr(stored.spec, key) != getattr(wanted.spec, key) for key in _LENGTH)
        why = (
            " (blocks that are added after a look at the verdicts break their promise: make a new run)"
            if longer
            else ""
        )
        raise SpecError(f"the run cannot be resumed: {'; '.join(differences)}{why}. Choose another --out")


def _words(value: object) -> str:
    """A field's value without Python's class names; of a noun, by name what it does not leave at its default."""
    if is_dataclass(value) and not isinstance(value, type):
        parts = [(each, getattr(value, each.name)) for each in fields(value)]
        said = [
            _words(part) if each.default is MISSING else f"{each.name} {_words(part)}"
            for each, part in parts
            if part != each.default
        ]
        return " ".join(said)
    if isinstance(value, tuple):
        return f"({', '.join(map(_words, value))})"
    # A script in an argument has several lines.
    return str(value) if str(value).isprintable() else repr(value)


def _tally(run: Run, trials: Sequence[Trial]) -> Tally:
    done = run.done()
    asked, shown = (
        {(t.inference, t.task, t.placement, t.clocks) for t in some}
        for some in (trials, [t for t in trials if t.trial_id in done])
    )
    served = sum(inference is not None for inference, *_ in shown)
    return Tally(len(trials), len(done), sum(1 for _ in run.failures()), len(asked - shown), served)


def _outcome(rig: Rig, trial: Trial) -> TrialRecord | Failure:
    """What the trial gave; one whose clocks did not hold is tried a second time, and that is what counts."""
    try:
        record = rig.run(trial)
        return record if TRANSIENT.isdisjoint(record.warnings) else rig.run(trial)
    except TrialError as error:
        return Failure(trial, str(error))
