"""Run trials one after another and give their outcomes, on this machine or on the boards of a fleet."""

from __future__ import annotations

import contextlib
import dataclasses
import pickle
from collections.abc import Callable, Generator, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from typing import Any, Protocol

from colocate.errors import TrialError
from colocate.forked import Forked
from colocate.model.fleet import Sharing
from colocate.model.machine import HostFacts
from colocate.model.provenance import Provenance
from colocate.model.quality import QualityFlag
from colocate.model.request import Inference, SweepSpec
from colocate.model.trial import Failure, Outcome, Trial
from colocate.rigs.rig import Rig

# Transient warnings: the trial is retried once.
TRANSIENT = frozenset({QualityFlag.CLOCK_DRIFTED, QualityFlag.THROTTLED, QualityFlag.HELD_UP})

Done = Mapping[str, Set[str]]
"""The ids of the trials that have their numbers, by the name of the board. The run's own machine has the name ""."""

Starts = Callable[[Trial], None]
"""Is called with each trial that is about to run on this machine."""

Outcomes = Generator[Outcome, None, None]


class Site(Protocol):
    """Where the trials of a study run: this machine, or the boards of a fleet."""

    @property
    def sharing(self) -> Sharing | None:
        """How boards share the study; None for one machine."""

    def facts(self) -> HostFacts:
        """See `Rig.facts`. For a fleet, these are the facts that the study is planned for."""

    def check(self, spec: SweepSpec, trials: Sequence[Trial]) -> None:
        """See `Rig.check`; `trials` are all trials of `spec`."""

    def networks(self, inferences: Sequence[Inference]) -> Mapping[str, Mapping[str, Any]]:
        """See `Rig.networks`."""

    def provenance(self) -> Provenance | None:
        """See `Rig.provenance`."""

    def opened(self, trials: Sequence[Trial]) -> AbstractContextManager[None]:
        """See `Rig.opened`."""

    @property
    def machines(self) -> int:
        """How many machines run each trial, as far as is known now."""

    def missing(self, trials: Sequence[Trial], done: Done) -> tuple[Trial, ...]:
        """Return the `trials` that still have to run, each once for every machine that must run it."""

    def outcomes(self, trials: Sequence[Trial], done: Done, starts: Starts) -> Outcomes:
        """Run the missing ones of `trials`, and yield each outcome as it ends. The caller closes the generator."""


class ThisMachine:
    """The site of a study without a fleet: one rig runs every trial."""

    sharing = None
    machines = 1

    def __init__(self, rig: Rig) -> None:
        self.facts, self.networks, self.provenance, self.opened = rig.facts, rig.networks, rig.provenance, rig.opened
        self._rig = rig

    def check(self, spec: SweepSpec, trials: Sequence[Trial]) -> None:
        """See `Site.check`."""
        self._rig.check(trials)

    def missing(self, trials: Sequence[Trial], done: Done) -> tuple[Trial, ...]:
        """See `Site.missing`."""
        return undone(trials, done)

    def outcomes(self, trials: Sequence[Trial], done: Done, starts: Starts) -> Outcomes:
        """See `Site.outcomes`."""
        run = outcomes_ahead if self.facts().virtual_time else outcomes
        return run(self._rig, undone(trials, done), starts)


def undone(trials: Sequence[Trial], done: Done) -> tuple[Trial, ...]:
    """The `trials` that no machine has done."""
    ended = set().union(*done.values())
    return tuple(trial for trial in trials if trial.trial_id not in ended)


def outcomes(rig: Rig, trials: Sequence[Trial], starts: Starts = lambda trial: None) -> Outcomes:
    """Run the trials on an opened rig, and yield the outcome of each. `starts` is called before each."""
    for trial in trials:
        starts(trial)
        yield _outcome(rig, trial)


def outcomes_ahead(rig: Rig, trials: Sequence[Trial], starts: Starts) -> Outcomes:
    """As `outcomes`, for a rig in virtual time: another process runs the trials while this process stores outcomes.

    If the other process fails, this one runs the rest, so that errors are raised here.
    """
    came = 0
    with contextlib.closing(Forked(lambda: map(pickle.dumps, outcomes(rig, trials)))) as child:
        for trial in trials:
            starts(trial)
            try:
                outcome = pickle.load(child.said)
            except (EOFError, pickle.UnpicklingError):
                break
            # The other process returns a copy of the trial.
            yield dataclasses.replace(outcome, trial=trial)
            came += 1
    yield from outcomes(rig, trials[came:], starts)


def _outcome(rig: Rig, trial: Trial) -> Outcome:
    """Run one trial, and again if it has a transient warning; the last run counts. A TrialError becomes a Failure."""
    try:
        record = rig.run(trial)
        return record if TRANSIENT.isdisjoint(record.warnings) else rig.run(trial)
    except TrialError as error:
        return Failure(trial, str(error))
