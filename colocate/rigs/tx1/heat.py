"""A board that becomes too warm: its mean power over a window decides how far its GPU clock falls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from colocate.model.request import Inference
from colocate.rigs.tx1.clocks import GPU_STEPS_HZ
from colocate.rigs.tx1.model import OperatingPoint, Tx1Model
from colocate.rigs.tx1.power import RAILS

Running = tuple[Inference | None, OperatingPoint]


def sustained_hz(model: Tx1Model, shares: Mapping[Running, float], gpu_hz: int) -> int:
    """Return the highest step of the GPU clock up to `gpu_hz` at which the board stays within `heat_limit_w`; the
    lowest step if none does.

    `shares` says for what share of the window each load runs; the sum is 1. Turns are short and heat takes minutes,
    so the mean power counts.
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
