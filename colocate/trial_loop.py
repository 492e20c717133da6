"""The one trial loop: trials -> their outcomes, one after another; and where: on this machine, or on boards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from typing import Any, Protocol

from colocate.errors import TrialError
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

    def outcomes(self, trials: Sequence[Trial], done: Done, starts: Starts) -> Iterator[Outcome]:
        """Run what is missing of `trials`: how each ended, as it did."""


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

    def outcomes(self, trials: Sequence[Trial], done: Done, starts: Starts) -> Iterator[Outcome]:
        """See `Site.outcomes`."""
        return outcomes(self._rig, undone(trials, done), starts)


def undone(trials: Sequence[Trial], done: Done) -> tuple[Trial, ...]:
    """Those of `trials` that no machine has done."""
    ended = set().union(*done.values())
    return tuple(trial for trial in trials if trial.trial_id not in ended)


def outcomes(rig: Rig, trials: Sequence[Trial], starts: Starts = lambda trial: None) -> Iterator[Outcome]:
    """What each trial gives on a rig that is opened."""
    for trial in trials:
        starts(trial)
        yield _outcome(rig, trial)


def _outcome(rig: Rig, trial: Trial) -> Outcome:
    """What the trial gave; one whose clocks did not hold is tried a second time, and that is what counts."""
    try:
        record = rig.run(trial)
        return record if TRANSIENT.isdisjoint(record.warnings) else rig.run(trial)
    except TrialError as error:
        return Failure(trial, str(error))
