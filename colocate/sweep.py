"""plan -> run -> store: the one trial loop. Resumes what is missing; a failed trial is recorded and passed by."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

from colocate.errors import SpecError, TrialError
from colocate.rigs import Rig
from colocate.spec import make_spec
from colocate.store import Failure, Header, Run
from colocate.study.model import Doubt, Trial, TrialRecord
from colocate.study.plan import distinct_inferences, plan

# What may be gone at a second attempt.
PASSING = frozenset({Doubt.CLOCK_DRIFTED, Doubt.THROTTLED})


class Observer(Protocol):
    """Is told of progress between windows, never inside one."""

    def begins(self, missing: Sequence[Trial], planned: int) -> None:
        """The trials that are about to run, of so many planned."""

    def starts(self, trial: Trial) -> None:
        """A trial is about to run."""

    def ended(self, outcome: TrialRecord | Failure) -> None:
        """A trial is on the disk."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Trials of the whole run: planned, with numbers, failed."""

    planned: int
    done: int
    failed: int


def sweep(request: Mapping[str, Any], rig: Rig, folder: Path, observer: Observer, *, resume: bool) -> Tally:
    """Run every trial of the study that `folder` does not hold yet; `request` holds a study file's keys.

    Raises SpecError when the run in `folder` is of another study or machine, and whatever `plan`, the rig and
    the store raise. Trials that ended are kept whatever happens.
    """
    spec = make_spec(request)
    facts = rig.facts()
    trials = plan(spec, facts)
    inferences = distinct_inferences(trials)
    rig.check(inferences)
    header = Header(request, spec, facts, rig.networks(inferences), len(trials), time.time())
    with Run.resume(folder) if resume else Run.create(folder, header) as run:
        if resume:
            refuse_other_study(run.header(), header)
        done = run.done()
        missing = [trial for trial in trials if trial.trial_id not in done]
        observer.begins(missing, len(trials))
        if missing:
            with rig.opened(missing):
                for trial in missing:
                    observer.starts(trial)
                    outcome = _outcome(rig, trial)
                    run.append(outcome)
                    observer.ended(outcome)
        return Tally(len(trials), len(run.done()), sum(1 for _ in run.failures()))


def refuse_other_study(stored: Header, wanted: Header) -> None:
    """Raise SpecError naming every field in which the two differ, so that no run ever mixes two studies."""
    differences = [
        f"{part}.{field.name} was {was!r} and is {now!r}"
        for part, before, after in (("spec", stored.spec, wanted.spec), ("machine", stored.facts, wanted.facts))
        for field in fields(before)
        if field.compare and (was := getattr(before, field.name)) != (now := getattr(after, field.name))
    ]
    if stored.networks != wanted.networks:
        differences.append("the network files differ")
    if differences:
        raise SpecError(f"the run cannot be resumed: {'; '.join(differences)}. Choose another --out")


def _outcome(rig: Rig, trial: Trial) -> TrialRecord | Failure:
    """What the trial gave; one whose clocks did not hold is tried a second time, and that is what counts."""
    try:
        record = rig.run(trial)
        return record if PASSING.isdisjoint(record.doubts) else rig.run(trial)
    except TrialError as error:
        return Failure(trial, str(error))
