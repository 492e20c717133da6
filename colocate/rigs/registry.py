"""Every rig has one class, and one line in `RIGS`."""

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
# Rigs that compute instead of measuring; a study may set those of their constants that are assumed.
MODELS = ("tx1-model",)
# How the thread that launches kernels waits for the GPU by default, where that is not `spin`.
_WAITS = {"tx1-model": "block"}
# Every runtime that any rig may have, and `onnxruntime` for the two of that family; a rig's facts say which it has.
RUNTIMES = (*BACKENDS, "onnxruntime", "caffe")


def default_wait(name: str) -> str:
    """Return how the rig of that name waits for the GPU by default: one of `model.request.WAITS`."""
    return _WAITS.get(name, "spin")


def make_rig(
    name: str,
    model: Mapping[str, float] | None = None,
    profiled: str | None = None,
    task_output: Path | None = None,
    workers: Workers = USUAL,
) -> Rig:
    """Return the rig of that name in `RIGS`.

    `model` are values for constants of a model. Each window of the network `profiled` is followed by a profile of its
    layers, if its runtime can make one. The folder `task_output` gets what the user's programs print; a model runs
    none. `workers` says how the workers of a machine run; a model has none.

    Raises SpecError for constants that the rig does not have, and if `workers` are set for a model.
    """
    if model and name not in MODELS:
        raise SpecError(f"model: rig '{name}' has no constants to set; remove [model], or use --rig {MODELS[0]}")
    if workers != USUAL and name in MODELS:
        raise SpecError(f"rig '{name}' is a model and starts no worker: leave out worker_python and device")
    module, _, attribute = RIGS[name].partition(":")
    factory = getattr(importlib.import_module(module), attribute)
    rig: Rig = factory(model, profiled=profiled) if name in MODELS else factory(profiled, task_output, workers)
    return rig
