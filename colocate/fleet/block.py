"""What a board does for a study: look at itself, and run blocks. It knows nothing of Dask."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from colocate.errors import ColocateError
from colocate.host.restore.machine_lock import machine_alone
from colocate.model.device import Workers
from colocate.model.machine import HostFacts
from colocate.model.provenance import Provenance
from colocate.model.request import Placement, SweepSpec
from colocate.model.trial import Outcome, Trial
from colocate.rigs.registry import MODELS, make_rig
from colocate.rigs.rig import Rig
from colocate.study.plan import loaded_inferences
from colocate.trial_loop import outcomes
from colocate.version import __version__


@dataclass(frozen=True, slots=True)
class Setup:
    """Which rig a study needs on every board, and how. `cpus` are those of the machine that it is planned for; none
    where that is not known yet.
    """

    rig: str
    model: tuple[tuple[str, float], ...]
    workers: Workers
    cpus: tuple[int, ...] = ()

    @classmethod
    def of(cls, spec: SweepSpec, cpus: tuple[int, ...] = ()) -> Setup:
        """The setup that a study needs."""
        return cls(spec.rig, spec.model, spec.workers, cpus)

    @property
    def measures(self) -> bool:
        """Whether windows pass in real time: they do on a machine, and not in a model."""
        return self.rig not in MODELS


@dataclass(frozen=True, slots=True)
class BoardLook:
    """What a board is, by which version of colocate; `networks` are empty where it was not asked about trials.

    `trouble` is why it cannot run them, in one line, with the error's exit code.
    """

    version: str
    facts: HostFacts
    networks: Mapping[str, Mapping[str, Any]] | None = None
    trouble: str = ""
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """How the trials of a block ended on a machine with these `facts`. With `trouble` none did: the board cannot."""

    outcomes: tuple[Outcome, ...]
    facts: HostFacts
    trouble: str = ""


def look(setup: Setup, trials: Sequence[Trial]) -> BoardLook:
    """What this board is, and whether it can run `trials`. Nothing runs."""
    rig = _rig(setup)
    facts = rig.facts()
    trials = on_own_cpus(setup, trials, facts.cpus)
    try:
        rig.check(trials)
        networks = rig.networks(loaded_inferences(trials))
    except ColocateError as error:
        return BoardLook(__version__, facts, trouble=str(error), exit_code=error.exit_code)
    return BoardLook(__version__, facts, networks)


def provenance(setup: Setup) -> Provenance | None:
    """What the numbers of this board rest on; see `Rig.provenance`."""
    return _rig(setup).provenance()


def run_block(setup: Setup, trials: Sequence[Trial]) -> Ended:
    """Run a block from begin to end; afterwards the board is as it was. Outcomes are of `trials` as they were given,
    wherever they ran here.
    """
    rig = _rig(setup)
    facts = rig.facts()
    here = on_own_cpus(setup, trials, facts.cpus)
    alone = machine_alone(wait=True) if setup.measures else contextlib.nullcontext()
    try:
        with alone, rig.opened(here):
            ended = tuple(outcomes(rig, here))
    except ColocateError as error:
        return Ended((), facts, str(error))
    given = {trial.trial_id: trial for trial in trials}
    return Ended(tuple(dataclasses.replace(each, trial=given[each.trial.trial_id]) for each in ended), facts)


def on_own_cpus(setup: Setup, trials: Sequence[Trial], cpus: Sequence[int]) -> tuple[Trial, ...]:
    """The trials on this board's `cpus`: its first stands for the first of the study's, and so on. A server that is
    cut into boards gives each of them other CPUs; a board with another number of them is for the client to refuse.
    """
    if tuple(cpus) == setup.cpus or len(cpus) != len(setup.cpus):
        return tuple(trials)
    own = dict(zip(setup.cpus, cpus, strict=True))

    def moved(place: Placement) -> Placement:
        groups = (place.inference_cpus, place.task_cpus, place.housekeeping_cpus)
        return Placement(place.name, *(tuple(own[cpu] for cpu in group) for group in groups))

    return tuple(dataclasses.replace(trial, placement=moved(trial.placement)) for trial in trials)


@functools.lru_cache(maxsize=1)
def _rig(setup: Setup) -> Rig:
    """The rig of a setup, kept from block to block: a rig knows its meters and clocks once it has looked for them."""
    return make_rig(setup.rig, dict(setup.model), workers=setup.workers)
