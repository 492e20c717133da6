"""Runs of `colocate layers` made of known numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from colocate.model.layers import Ceilings, FusedLayer, LayerMap
from colocate.model.purpose import LayersPurpose
from colocate.model.request import ClockPoint, Inference, Placement
from colocate.model.trial import PowerTrace, Step, Trial, TrialRecord
from colocate.report.run_report import LoadedRun
from tests.report.drawn import cell, header, loaded

NETWORK = Inference("mine.onnx", "onnxruntime-cpu")
# A product, and a Loop of one.
LAYERS = (
    FusedLayer("stem", "MatMul", ("stem",), 2_000_000, 1000, step="stem"),
    FusedLayer("loop", "Loop", ("loop",), 0, 0, step="loop"),
    FusedLayer("stem", "MatMul", ("stem",), 8_000_000, 4000, step="stem", within=("loop",)),
)
PROFILE = (
    Step("stem", "MatMul", 0.001),
    Step("loop", "Loop", 0.001),
    Step("stem", "MatMul", 0.008, within=("loop",), runs=4.0),
)


def run_of(
    whole_s: float,
    layers: Sequence[FusedLayer] = LAYERS,
    profile: Sequence[Step] = PROFILE,
    precision: str = "fp32",
    subgraphs: Mapping[str, int] | None = None,
    watts: Mapping[str | None, float] | None = None,
    timed: bool = True,
    repeats: int = 3,
) -> LoadedRun:
    """A run whose network takes `whole_s`. With `watts`, a meter showed these beside each network, and by None when
    the machine was idle.
    """
    layer_map = LayerMap(tuple(layers), timed, ceilings=Ceilings(1e12, 1e11), precision=precision)
    purpose = LayersPurpose(NETWORK, layer_map, subgraphs or {})
    networks = [NETWORK.network, *(subgraphs or {}), *([None] if watts else [])]
    records = [
        _record(name, repeat, whole_s, tuple(profile) if name == NETWORK.network else (), (watts or {}).get(name))
        for repeat in range(repeats)
        for name in networks
    ]
    of = dataclasses.replace(header(rails=("VDD_IN",) if watts else ()), purpose=purpose)
    return loaded([cell("mine.onnx", task="none")], records, of)


def _record(
    name: str | None, repeat: int, whole_s: float, profile: tuple[Step, ...], watts: float | None
) -> TrialRecord:
    inference = None if name is None else dataclasses.replace(NETWORK, network=name)
    place = Placement("shared", (0,), (), (1,))
    trial = Trial(f"{name}-{repeat}", repeat, repeat, inference, None, ClockPoint(), place, 0.1, 0.1, 1.0)
    latencies_s = np.full(0 if name is None else 10, whole_s)
    power = None if watts is None else PowerTrace(np.array([0.0]), np.array([[watts]]), ("VDD_IN",), 0.01)
    return TrialRecord(trial, 0.0, 1.0, np.cumsum(latencies_s), latencies_s, power=power, profile=profile)
