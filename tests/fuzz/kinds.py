"""Every kind of input: its generator, by its name."""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable

from tests.fuzz.inputs import Input

# The module of each generator below this package, and its function.
_GENERATORS = {
    "flags": "requests:flags",
    "lengths": "requests:lengths",
    "studies": "studies:values",
    "trees": "studies:trees",
    "bytes": "studies:mutated",
    "damaged_networks": "networks:damaged",
    "wrong_fields": "networks:wrong_fields",
    "misplaced_weights": "networks:misplaced_weights",
    "exploding_networks": "networks:exploding",
    "no_text": "networks:no_text",
    "run_bits": "runs:bits",
    "run_values": "runs:values",
    "run_cells": "runs:cells",
    "run_tables": "runs:tables",
    "damaged_journals": "journals:damaged",
    "forged_journals": "journals:forged",
}
NAMES = tuple(_GENERATORS)


def generator(kind: str) -> Callable[[random.Random], Input]:
    """The function that makes an input of that kind."""
    module, _, name = _GENERATORS[kind].partition(":")
    found: Callable[[random.Random], Input] = getattr(importlib.import_module(f"tests.fuzz.{module}"), name)
    return found


def preload() -> None:
    """Import and look at everything once, before processes are forked that would each do it."""
    from colocate.inference.backends import availability

    for module in ("numpy", "scipy.optimize", "onnx", "rich.console", "colocate.progress", "colocate.sweep"):
        importlib.import_module(module)
    for module in ("colocate.report.run_report", "colocate.report.write", "colocate.rigs.host.rig"):
        importlib.import_module(module)
    for module in ("colocate.rigs.tx1.rig", "colocate.request.spec"):
        importlib.import_module(module)
    for kind in NAMES:
        # With what it makes its inputs from.
        generator(kind)(random.Random(0))
    availability.look()
