"""Records of a study that ran on every board of a fleet: split by board, and combined with the board as the unit."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from colocate.model.cell import Cell, Interval
from colocate.model.limits import LOSS_MAX, STATISTICS, whole_loss
from colocate.model.trial import TrialRecord
from colocate.study.stats import geometric_mean


def by_board(records: Iterable[TrialRecord]) -> Mapping[str, tuple[TrialRecord, ...]]:
    """Return the records of each board, by its name; those of the run's own machine have an empty name."""
    found: defaultdict[str, list[TrialRecord]] = defaultdict(list)
    for record in records:
        found[record.board.name if record.board else ""].append(record)
    return {name: tuple(found[name]) for name in sorted(found)}


def replicated(records: Sequence[TrialRecord]) -> bool:
    """Whether any trial ran on more than one board."""
    return len({record.trial.trial_id for record in records}) < len(records)


def apart(boards: Iterable[Sequence[TrialRecord]]) -> tuple[TrialRecord, ...]:
    """Return the records of all boards, renumbered to make one study.

    Each board's blocks and repeats get numbers of their own, so that no window is compared with another board's.
    """
    found: list[TrialRecord] = []
    block = repeat = 0
    for number, own in enumerate(boards):
        trials = [record.trial for record in own]
        for record, trial in zip(own, trials, strict=True):
            moved = dataclasses.replace(
                trial,
                block=trial.block + block,
                repeat=trial.repeat + repeat,
                trial_id=f"{trial.trial_id}@{number}",
            )
            found.append(dataclasses.replace(record, trial=moved))
        block += 1 + max((trial.block for trial in trials), default=-1)
        repeat += 1 + max((trial.repeat for trial in trials), default=-1)
    return tuple(found)


def over_boards(cell: Cell, boards: Sequence[Cell]) -> Cell:
    """Return `cell` with slowdowns and work loss as means over `boards`, the same cell on each board.

    `cell` holds the blocks of all boards. Each board counts as one value, so the intervals are for boards like these,
    however alike the blocks of one board are.
    """
    p50, p95, p99, mean = (_mean([each.slowdown(statistic) for each in boards]) for statistic in STATISTICS)
    losses = [each.work_loss_ratio.value for each in boards if each.work_loss_ratio is not None]
    return dataclasses.replace(
        cell,
        slowdown_p50=p50,
        slowdown_p95=p95,
        slowdown_p99=p99,
        slowdown_mean=mean,
        work_loss_ratio=_mean_loss(losses),
    )


def _mean(intervals: Sequence[Interval | None]) -> Interval | None:
    known = [interval.value for interval in intervals if interval is not None]
    return geometric_mean(np.array(known)) if known else None


def _mean_loss(losses: Sequence[float]) -> Interval | None:
    if not losses:
        return None
    kept = geometric_mean(np.maximum(1 - np.array(losses), 1 - LOSS_MAX))
    lo, hi = (None if end is None else whole_loss(1 - end) for end in (kept.hi, kept.lo))
    return Interval(whole_loss(1 - kept.value), lo, hi)
