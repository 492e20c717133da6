"""A run of one network beside two tasks: one in alternating windows, one that must not be paused."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from colocate.model.cell import Cell
from colocate.model.request import SweepSpec, Task
from colocate.model.trial import Condition, Segment, TrialRecord
from colocate.store.run_file import Header
from colocate.study.alternation import conditions_of
from tests.report.drawn import BASE, cell, header
from tests.study.truth import record, trial

NETWORK = BASE.inference
JPEG, UPLINK = Task("jpeg"), Task("uplink", ("uplink",), pause=False)
CELLS = [cell(task="none"), cell(task="jpeg"), cell(task="uplink")]
ALONE_S, BESIDE_S, GUARD_S, STEADY_S = 0.010, 0.013, 0.050, 0.012
_ORDER = (
    Condition.ALONE, Condition.BESIDE, Condition.BESIDE, Condition.ALONE, Condition.TASK_ALONE,
    Condition.BESIDE, Condition.ALONE, Condition.ALONE, Condition.BESIDE,
)  # fmt: skip


def alternating(repeat: int, segment_s: float = 0.1) -> TrialRecord:
    """A window that pauses jpeg: 0.010 s alone, 0.013 s beside it, and one inference of 0.050 s over each switch."""
    begins_s: list[float] = []
    latencies_s: list[float] = []
    segments: list[Segment] = []
    for number, condition in enumerate(_ORDER):
        begin_s, end_s = number * segment_s + 0.005, (number + 1) * segment_s
        segments.append(Segment(condition, number // 5, begin_s, end_s))
        if condition is not Condition.TASK_ALONE:
            latency_s = ALONE_S if condition is Condition.ALONE else BESIDE_S
            inside = np.arange(begin_s, end_s - 0.030, latency_s)
            begins_s += [*inside, float(inside[-1] + latency_s)]
            latencies_s += [*np.full(len(inside), latency_s), GUARD_S]
    begins, latencies = np.array(begins_s), np.array(latencies_s)
    of = dataclasses.replace(
        trial(repeat, JPEG, NETWORK), trial_id=f"alternating {repeat}", window_s=1.0, alternating=True
    )
    found = TrialRecord(of, 0.0, len(_ORDER) * segment_s, begins, latencies, segments=tuple(segments))
    return dataclasses.replace(found, conditions=conditions_of(begins, latencies, segments))


def steady(repeat: int, task: Task | None) -> TrialRecord:
    """A window of one condition."""
    return record(trial(repeat, task, NETWORK), np.full(50, STEADY_S))


def alternated(**facts: Any) -> tuple[Header, list[Cell], list[TrialRecord]]:
    """Three repeats: steady windows of the network alone and beside uplink in all, beside jpeg in the first two."""
    spec = SweepSpec((NETWORK,), (JPEG, UPLINK), repeats=3, alternating=True)
    records = [window for repeat in range(3) for window in (alternating(repeat), steady(repeat, UPLINK))]
    records += [steady(repeat, None) for repeat in range(3)] + [steady(repeat, JPEG) for repeat in range(2)]
    return dataclasses.replace(header(planned=len(records), **facts), spec=spec), CELLS, records
