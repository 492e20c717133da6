"""What every rig offers: a machine, real or modelled, that can run one trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from colocate.model.layers import LayerMap
from colocate.model.machine import HostFacts
from colocate.model.provenance import Provenance
from colocate.model.request import ClockPoint, Inference
from colocate.model.trial import Trial, TrialRecord


class Rig(Protocol):
    """A machine, real or modelled."""

    def facts(self) -> HostFacts:
        """Return what the machine is and what it allows. Nothing is changed."""

    def check(self, trials: Sequence[Trial]) -> None:
        """Raise SpecError or HostError if it is certain that a trial cannot run. No setting of the machine is
        changed.
        """

    def networks(self, inferences: Sequence[Inference]) -> Mapping[str, Mapping[str, Any]]:
        """Make every network ready to load. Return a description of each by its `file_label`, which is stored with
        the run.
        """

    def provenance(self) -> Provenance | None:
        """Return what a model's numbers rest on, which is stored with the run; None for a real machine."""

    def opened(self, trials: Sequence[Trial]) -> AbstractContextManager[None]:
        """Inside, the machine is prepared for `trials`; afterwards it is as it was."""

    def run(self, trial: Trial) -> TrialRecord:
        """Run one window. Raises TrialError if this window failed and others may still succeed.

        In virtual time the record depends on the trial alone, so any process may run it.
        """

    def layer_map(self, inference: Inference, clocks: ClockPoint, *, runs: bool = True) -> LayerMap:
        """Return which step of the runtime covers which layers of a network. If `runs` is false, the runtime is not
        asked, and the steps are those that runtimes commonly make. Raises SpecError for a network without layers.
        """
