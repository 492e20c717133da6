"""The one trial loop: trials -> their outcomes, one after another; and where: on this machine, or on boards."""

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
"""The ids of the trials that have their numbers, by the name of the board; empty for the run's own machine."""

Starts = Callable[[Trial], None]
"""Hears of a trial that is about to run, where its machine is this one."""

Outcomes = Generator[Outcome, None, None]


class Site(Protocol):
    """Where the trials of a study run."""

    @property
    def sharing(self) -> Sharing | None:
        """How boards share the study; None for one machine."""

    def facts(self) -> HostFacts:
        """See `Rig.facts`. Of boards, those that the study is planned for."""

    def check(self, spec: SweepSpec, trials: Sequence[Trial]) -> None:
        """See `Rig.check`; `trials` are all that `spec` means."""

    def networks(self, inferences: Sequence[Inference]) -> Mapping[str, Mapping[str, Any]]:
        """See `Rig.networks`."""

    def provenance(self) -> Provenance | None:
        """See `Rig.provenance`."""

    def opened(self, trials: Sequence[Trial]) -> AbstractContextManager[None]:
        """See `Rig.opened`."""

    @property
    def machines(self) -> int:
        """How many machines run each trial, as far as is known."""

    def missing(self, trials: Sequence[Trial], done: Done) -> tuple[Trial, ...]:
        """Those of `trials` that have to run yet, each as often as there are machines that have to run it."""

    def outcomes(self, trials: Sequence[Trial], done: Done, starts: Starts) -> Outcomes:
        """Run what is missing of `trials`: how each ended, as it did. Whoever asks closes it."""


class ThisMachine:
    """One rig, which runs every trial."""

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
    """Those of `trials` that no machine has done."""
    ended = set().union(*done.values())
    return tuple(trial for trial in trials if trial.trial_id not in ended)


def outcomes(rig: Rig, trials: Sequence[Trial], starts: Starts = lambda trial: None) -> Outcomes:
    """What each trial gives on a rig that is opened."""
    for trial in trials:
        starts(trial)
        yield _outcome(rig, trial)


def outcomes_ahead(rig: Rig, trials: Sequence[Trial], starts: Starts) -> Outcomes:
    """As `outcomes`, on a rig whose windows pass in virtual time: another process runs them, while this one stores
    what came of those before. Should it fail, this one goes on, and so errors show.
    """
    came = 0
    with contextlib.closing(Forked(lambda: map(pickle.dumps, outcomes(rig, trials)))) as child:
        for trial in trials:
            starts(trial)
            try:
                outcome = pickle.load(child.said)
            except (EOFError, pickle.UnpicklingError):
                break
            # What it knows of the trial is a copy.
            yield dataclasses.replace(outcome, trial=trial)
            came += 1
    yield from outcomes(rig, trials[came:], starts)


def _outcome(rig: Rig, trial: Trial) -> Outcome:
    """What the trial gave; one whose clocks did not hold is tried a second time, and that is what counts."""
    try:
        record = rig.run(trial)
        return record if TRANSIENT.isdisjoint(record.warnings) else rig.run(trial)
    except TrialError as error:
        return Failure(trial, str(error))
