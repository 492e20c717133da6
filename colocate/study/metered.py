"""What the meters show of a cell: power and energy with intervals, and how a task changes both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from colocate.model.cell import Interval
from colocate.model.trial import TrialRecord
from colocate.study.reader import Reader
from colocate.study.stats import geometric_mean, paired_ratio
from colocate.study.windows import Windows

# Student's t needs a spread between windows, and one has none.
_INTERVAL_MIN_WINDOWS = 2

Ends = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Metered:
    """The board's power and energy per inference in one cell, over its steady windows.

    `power_ends_w` and `energy_ends_j` are the ends of the intervals; None with fewer than two metered windows.
    `power_ratio` and `energy_ratio` are beside the task over alone, from the blocks that have both; None if no block
    has.
    """

    power_ends_w: Ends | None
    energy_ends_j: Ends | None
    power_ratio: Interval | None
    energy_ratio: Interval | None


def metered(windows: Windows, reader: Reader) -> Metered:
    """Return what the meters show of a cell in its steady windows, with intervals at the confidence of `reader`."""

    def power_w(record: TrialRecord) -> float | None:
        energy_j = reader.energies_j(record)[0]
        return None if not energy_j or energy_j < 0 else energy_j / record.elapsed_s

    def inference_j(record: TrialRecord) -> float | None:
        watts, inferences = power_w(record), len(record.latencies_s)
        return None if watts is None or not inferences else watts * record.elapsed_s / inferences

    confidence = reader.confidence
    return Metered(
        _ends(windows.own, power_w, confidence),
        _ends(windows.own, inference_j, confidence),
        _ratio(windows, power_w, confidence),
        _ratio(windows, inference_j, confidence),
    )


_Read = Callable[[TrialRecord], float | None]


def _ends(records: Sequence[TrialRecord], read: _Read, confidence: float) -> Ends | None:
    values = [value for record in records if (value := read(record)) is not None]
    if len(values) < _INTERVAL_MIN_WINDOWS:
        return None
    # Windows scatter by a few per cent only, so the geometric mean is as good as the mean.
    of = geometric_mean(np.array(values), confidence)
    return None if of.lo is None or of.hi is None else (of.lo, of.hi)


def _ratio(windows: Windows, read: _Read, confidence: float) -> Interval | None:
    if windows.setting.task is None:
        return None
    alone = {record.trial.block: read(record) for record in windows.solo}
    pairs = [(alone.get(record.trial.block), read(record)) for record in windows.own]
    known = [(before, beside) for before, beside in pairs if before is not None and beside is not None]
    if not known:
        return None
    before_all, beside_all = np.array(known).T
    return paired_ratio(before_all, beside_all, confidence)
