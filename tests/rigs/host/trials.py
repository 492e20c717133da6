"""Trials of the local machine, for the tests, and windows that are long enough on it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable

from colocate.errors import TrialError
from colocate.model.request import ClockPoint, Inference, Placement, Task
from colocate.model.trial import Condition, Trial, TrialRecord
from colocate.rigs.host.rig import HostRig

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


def holds_every_condition(record: TrialRecord) -> bool:
    """As an alternating window does not where others keep the machine busy, so that pauses come late."""
    return {segment.condition for segment in record.segments} == {*Condition} - {Condition.GUARD}


def long_enough(rig: HostRig, asked: Trial, holds: Callable[[TrialRecord], bool]) -> TrialRecord:
    """The record of the first window that holds what is wanted; each is twice as long as the one before, for on a
    machine that others keep busy a short one may hold no inference, no work, or no segment of some condition.
    """
    for doubled in range(8):
        segment_s = asked.segment_s and asked.segment_s * 2**doubled
        longer = dataclasses.replace(asked, window_s=asked.window_s * 2**doubled, segment_s=segment_s)
        with contextlib.suppress(TrialError):
            record = rig.run(longer)
            if holds(record):
                return record
    raise AssertionError(f"no window of up to {longer.window_s} s holds what is wanted")
