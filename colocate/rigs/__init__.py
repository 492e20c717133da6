"""Whatever can run one trial. A rig is one class and one line in `RIGS`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from colocate.errors import SpecError
from colocate.inference import BACKENDS
from colocate.study.layers import Anatomy
from colocate.study.model import ClockPoint, HostFacts, Inference, Trial, TrialRecord


class Rig(Protocol):
    """A machine, real or modelled."""

    def facts(self) -> HostFacts:
        """What it is and allows; changes nothing."""

    def check(self, trials: Sequence[Trial]) -> None:
        """Raise SpecError or HostError for what can be known to fail without running or writing anything."""

    def networks(self, inferences: Sequence[Inference]) -> Mapping[str, Mapping[str, Any]]:
        """Make every network ready to load, and say by its name what it is; stored with the run."""

    def provenance(self) -> Mapping[str, Any]:
        """What a reader must know of where numbers of this rig come from; JSON, stored with the run. Empty for a
        machine; of a model its constants and how it compares with what was published.
        """

    def opened(self, trials: Sequence[Trial]) -> AbstractContextManager[None]:
        """Hold the machine for `trials`; afterwards it is as it was."""

    def run(self, trial: Trial) -> TrialRecord:
        """One window. Raises TrialError when this one failed and others may not."""

    def anatomy(self, inference: Inference, clocks: ClockPoint) -> Anatomy:
        """What the runtime makes of a network's layers. Raises SpecError for a network that has none to tell of."""


# Lazy: no rig's imports happen before it is wanted.
RIGS = {
    "host": "colocate.rigs.host:HostRig",
    "tx1-model": "colocate.rigs.tx1:Tx1Rig",
}
# Those that rest on constants, of which a study may set what is assumed.
MODELS = ("tx1-model",)
# How the thread that launches kernels waits for the GPU unless a study says otherwise.
_WAITS = {"tx1-model": "block"}
# The runtimes that some rig has, and the family of two of them; which of them this one has is among its facts.
RUNTIMES = (*BACKENDS, "onnxruntime", "caffe")


def default_wait(name: str) -> str:
    """How the rig of that name waits for the GPU unless it is told: one of `inference.WAITS`."""
    return _WAITS.get(name, "spin")


def make_rig(name: str, model: Mapping[str, float] | None = None, profiled: str | None = None) -> Rig:
    """The rig behind a name of `RIGS`; `model` sets constants of a model. Windows of the network `profiled` alone
    are followed by a profile, where its runtime has one.

    Raises SpecError where the rig has none, or not these.
    """
    if model and name not in MODELS:
        raise SpecError(f"model: rig '{name}' has no constants to set; remove [model], or use --rig {MODELS[0]}")
    module, _, attribute = RIGS[name].partition(":")
    factory = getattr(importlib.import_module(module), attribute)
    rig: Rig = factory(model, profiled=profiled) if name in MODELS else factory(profiled=profiled)
    return rig
