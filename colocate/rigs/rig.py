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
        """What it is and allows; changes nothing."""

    def check(self, trials: Sequence[Trial]) -> None:
        """Raise SpecError or HostError for what can be known to fail without running or writing anything."""

    def networks(self, inferences: Sequence[Inference]) -> Mapping[str, Mapping[str, Any]]:
        """Make every network ready to load, and say by its `file_label` what it is; stored with the run."""

    def provenance(self) -> Provenance | None:
        """What a model's numbers rest on, stored with the run; None for a machine."""

    def opened(self, trials: Sequence[Trial]) -> AbstractContextManager[None]:
        """Hold the machine for `trials`; afterwards it is as it was."""

    def run(self, trial: Trial) -> TrialRecord:
        """One window. Raises TrialError when this one failed and others may not.

        In virtual time it follows from the trial alone, and another process may run it than the one that stores it.
        """

    def layer_map(self, inference: Inference, clocks: ClockPoint, *, runs: bool = True) -> LayerMap:
        """Which step of the runtime covers which layers of a network. With `runs` false the runtime is not asked, and
        the steps are those that runtimes commonly make. Raises SpecError for a network without layers.
        """
