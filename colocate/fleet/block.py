"""What a board does for a study: describe itself, and run blocks. Nothing here uses Dask."""

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
    """The rig, the constants of its model, and the worker settings that a study needs on every board.

    `cpus` are those of the machine that the study is planned for; empty if that is not known yet.
    """

    rig: str
    model: tuple[tuple[str, float], ...]
    workers: Workers
    cpus: tuple[int, ...] = ()

    @classmethod
    def of(cls, spec: SweepSpec, cpus: tuple[int, ...] = ()) -> Setup:
        """Return the setup that a study needs."""
        return cls(spec.rig, spec.model, spec.workers, cpus)

    @property
    def measures(self) -> bool:
        """Whether windows pass in real time: true for a machine, false for a model."""
        return self.rig not in MODELS


@dataclass(frozen=True, slots=True)
class BoardLook:
    """What a board is, and its version of colocate. `networks` describes the files of the networks asked about.

    `trouble` says in one line why it cannot run the trials, with the error's `exit_code`; then `networks` is None.
    """

    version: str
    facts: HostFacts
    networks: Mapping[str, Mapping[str, Any]] | None = None
    trouble: str = ""
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """The outcomes of a block, and the `facts` of the machine that ran it.

    If the board could not run the block, `trouble` says why, and there are no outcomes.
    """

    outcomes: tuple[Outcome, ...]
    facts: HostFacts
    trouble: str = ""


def look(setup: Setup, trials: Sequence[Trial]) -> BoardLook:
    """Describe this board, and whether it can run `trials`. Nothing runs."""
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
    """What the numbers of this board rest on if it is a model; see `Rig.provenance`."""
    return _rig(setup).provenance()


def run_block(setup: Setup, trials: Sequence[Trial]) -> Ended:
    """Run a whole block, and then leave the board as it was before.

    Outcomes have their trial as it is in `trials`, even if it ran on other CPUs (see `on_own_cpus`).
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
    """Return the trials with this board's `cpus`: its first CPU takes the place of the study's first, and so on.

    The boards that one server is divided into have different CPUs. If their number differs from the study's, the
    trials are returned unchanged, and the client refuses the board.
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
    """Return the rig of a setup. It is kept from block to block, to search for meters and clocks only once."""
    return make_rig(setup.rig, dict(setup.model), workers=setup.workers)
