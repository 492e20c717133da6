"""Fused layers without a network behind them."""

from __future__ import annotations

from colocate.model.cell import Interval
from colocate.model.layers import FusedLayer


def fused(
    *layers: str,
    kind: str = "Conv",
    time_s: float | None = 0.001,
    flop: int | None = 1000,
    moved_bytes: int | None = 100,
    energy_j: float | None = None,
) -> FusedLayer:
    timed = None if time_s is None else Interval(time_s, None, None)
    metered = None if energy_j is None else Interval(energy_j, None, None)
    return FusedLayer("+".join(layers) or kind, kind, layers, flop, moved_bytes, timed, metered)
