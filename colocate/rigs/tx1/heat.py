"""A board that becomes too warm: what it draws on average over a window lowers its GPU's clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from colocate.model.request import Inference
from colocate.rigs.tx1.clocks import GPU_STEPS_HZ
from colocate.rigs.tx1.model import OperatingPoint, Tx1Model
from colocate.rigs.tx1.power import RAILS

Running = tuple[Inference | None, OperatingPoint]


def sustained_hz(model: Tx1Model, shares: Mapping[Running, float], gpu_hz: int) -> int:
    """The highest step of the GPU's clock up to `gpu_hz` at which the board stays within `heat_limit_w`.

    `shares` are the parts of the window in which each runs, in all 1. Where no step will do it is the lowest. Heat
    follows the mean of minutes, so turns of less than that leave their mean.
    """
    limit_w = model.constants.heat_limit_w
    if not limit_w:
        return gpu_hz
    for step_hz in sorted((step for step in GPU_STEPS_HZ if step <= gpu_hz), reverse=True):
        mean_w = sum(
            share * model.on_average(inference, replace(setting, gpu_hz=step_hz)).power_w[RAILS.index("VDD_IN")]
            for (inference, setting), share in shares.items()
        )
        if mean_w <= limit_w:
            return step_hz
    return GPU_STEPS_HZ[0]
