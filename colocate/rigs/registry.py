"""Every rig: one class and one line in `RIGS`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path

from colocate.errors import SpecError
from colocate.inference.backends.registry import BACKENDS
from colocate.model.device import USUAL, Workers
from colocate.rigs.rig import Rig

# Lazy: no rig's imports happen before it is wanted.
RIGS = {
    "host": "colocate.rigs.host.rig:HostRig",
    "tx1-model": "colocate.rigs.tx1.rig:Tx1Rig",
}
# Those that rest on constants, of which a study may set what is assumed.
MODELS = ("tx1-model",)
# How the thread that launches kernels waits for the GPU unless a study says otherwise.
_WAITS = {"tx1-model": "block"}
# The runtimes that some rig has, and the family of two of them; which of them this one has is among its facts.
RUNTIMES = (*BACKENDS, "onnxruntime", "caffe")


def default_wait(name: str) -> str:
    """How the rig of that name waits for the GPU by default: one of `model.request.WAITS`."""
    return _WAITS.get(name, "spin")


def make_rig(
    name: str,
    model: Mapping[str, float] | None = None,
    profiled: str | None = None,
    task_output: Path | None = None,
    workers: Workers = USUAL,
) -> Rig:
    """The rig behind a name of `RIGS`; `model` sets constants of a model. Windows of the network `profiled` alone
    are followed by a profile, where its runtime has one. All that programs of the user's own print goes to files in
    the folder `task_output`; a model runs none. `workers` says how those of a machine run.

    Raises SpecError where the rig has no such constants, and where a model is to have workers.
    """
    if model and name not in MODELS:
        raise SpecError(f"model: rig '{name}' has no constants to set; remove [model], or use --rig {MODELS[0]}")
    if workers != USUAL and name in MODELS:
        raise SpecError(f"rig '{name}' is a model and starts no worker: leave out worker_python and device")
    module, _, attribute = RIGS[name].partition(":")
    factory = getattr(importlib.import_module(module), attribute)
    rig: Rig = factory(model, profiled=profiled) if name in MODELS else factory(profiled, task_output, workers)
    return rig
