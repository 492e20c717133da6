"""Trials of the local machine, for the tests."""

from __future__ import annotations

import os

from colocate.model.request import ClockPoint, Inference, Placement, Task
from colocate.model.trial import Trial

CPUS = tuple(sorted(os.sched_getaffinity(0)))
SHARED = Placement("shared", CPUS[:1], CPUS[:1], CPUS[-1:])
NATIVE = ClockPoint()


def trial(
    network: str | None = "spin-1ms",
    task: Task | None = None,
    *,
    backend: str = "synthetic",
    precision: str = "fp32",
    graph: bool = False,
    clocks: ClockPoint = NATIVE,
    placement: Placement = SHARED,
    window_s: float = 0.1,
) -> Trial:
    """A window of one network, of one task, of both, or of the idle machine."""
    inference = None if network is None else Inference(network, backend, precision, graph=graph)
    return Trial("id", 0, 0, inference, task, clocks, placement, 0.0, 0.0, window_s)
