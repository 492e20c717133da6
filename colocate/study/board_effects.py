"""How fast each board of a fleet is compared with the others, and which boards are odd.

A board is judged by its windows in all settings that another board ran too, whether boards shared the blocks or each
ran them all. What board and chance add to a window is the logarithm of its median latency, minus the median of all
boards in the same setting. Chance affects all windows of a block alike, so their mean counts as one value.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from colocate.model.cell_key import CellKey
from colocate.model.fleet import Board
from colocate.model.trial import Condition, FloatArray, TrialRecord
from colocate.study.boards import by_board
from colocate.study.conditions import latencies
from colocate.study.facts import differences
from colocate.study.stats import median
from colocate.study.tolerance import Scatter, odd_limit, odd_scores, scatter

# A difference in temperature, or a share of a clock, below these is not reported.
_WARMER_C = 5.0
_CLOCK_RATIO = 0.01
_SEEN = ("temperature_c", "cpu_hz_seen", "gpu_hz_seen")
# The mean of each of these fields in each setting.
_Seen = Mapping[str, Mapping[CellKey, float]]


@dataclass(frozen=True, slots=True)
class BoardEffect:
    """How one board compares with the others.

    `ratio` is its latency over that of the median board, from so many `blocks`. `score` is its distance from the
    others over their scatter (`tolerance.odd_scores`), NaN with too few boards; `odd` if that is beyond chance.
    `temperature_c` is the mean over its windows, None if unknown. `apart` has by name each fact in which it differs
    from a typical board, as (its own, the typical board's).
    """

    board: Board
    ratio: float
    blocks: int
    score: float
    odd: bool
    temperature_c: float | None
    apart: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Effects:
    """The effects of all boards, sorted by name, and how blocks scatter between boards and inside one."""

    boards: tuple[BoardEffect, ...]
    scatter: Scatter

    @property
    def odd(self) -> tuple[BoardEffect, ...]:
        """The boards that are unlike the others."""
        return tuple(each for each in self.boards if each.odd)


def effects(records: Sequence[TrialRecord]) -> Effects | None:
    """Return how the latencies of the boards differ; None if no two boards share a setting."""
    of_boards = {name: own for name, own in by_board(records).items() if name}
    residuals = _residuals(of_boards)
    names = [name for name in of_boards if len(residuals.get(name, ()))]
    if len(names) < 2:
        return None
    found = [residuals[name] for name in names]
    levels, scattered = np.array([own.mean() for own in found]), scatter(found)
    errors = np.array([math.sqrt((scattered.inside or 0.0) / len(own)) for own in found])
    scores, limit = odd_scores(levels, errors), odd_limit(len(names))
    typical = names[int(np.argmin(np.abs(levels - np.median(levels))))]
    boards = {name: _last(of_boards[name]) for name in names}
    seen = {name: _seen(of_boards[name]) for name in names}
    return Effects(
        tuple(
            BoardEffect(
                boards[name], math.exp(level), len(own), score, abs(score) > limit, _temperature_c(of_boards[name]),
                {**differences(boards[name].facts, boards[typical].facts), **_apart(seen[name], seen[typical])},
            )
            for name, own, level, score in zip(names, found, levels.tolist(), scores.tolist(), strict=True)
        ),
        scattered,
    )  # fmt: skip


def _residuals(of_boards: Mapping[str, Sequence[TrialRecord]]) -> Mapping[str, FloatArray]:
    """Return for each board what the board and chance added to the log latency in its blocks, (blocks,)."""
    settings: defaultdict[object, defaultdict[str, list[tuple[int, float]]]] = defaultdict(lambda: defaultdict(list))
    for name, records in of_boards.items():
        for record in records:
            for setting, level in _levels(record):
                settings[setting][name].append((record.trial.block, level))
    blocks: defaultdict[str, defaultdict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for boards in settings.values():
        if len(boards) > 1:
            middle = statistics.median(statistics.fmean(level for _, level in own) for own in boards.values())
            for name, own in boards.items():
                for block, level in own:
                    blocks[name][block].append(level - middle)
    return {name: np.array([*map(statistics.fmean, own.values())]) for name, own in blocks.items()}


def _levels(record: TrialRecord) -> Iterator[tuple[object, float]]:
    """Yield (setting, log of the median latency) of a window; of an alternating window once for each condition."""
    if record.trial.inference is None:
        return
    key = CellKey.of(record.trial)
    sides = (Condition.ALONE, Condition.BESIDE) if record.trial.alternating else (None,)
    for side in sides:
        found = record.latencies_s if side is None else latencies(record, side)
        if len(found):
            yield (key, side), math.log(median(found))


def _apart(own: _Seen, typical: _Seen) -> Mapping[str, tuple[str, str]]:
    """Return in which readings a board differs from a typical one, by name: (its own, the typical board's)."""
    found = {}
    means = _means(own, typical, "temperature_c")
    if means is not None and abs(means[0] - means[1]) >= _WARMER_C:
        found["temperature"] = f"{means[0]:.0f} °C", f"{means[1]:.0f} °C"
    for axis, field in (("CPU clock seen", "cpu_hz_seen"), ("GPU clock seen", "gpu_hz_seen")):
        means = _means(own, typical, field)
        if means is not None and abs(means[0] / means[1] - 1) > _CLOCK_RATIO:
            found[axis] = f"{means[0] / 1e6:.0f} MHz", f"{means[1] / 1e6:.0f} MHz"
    return found


def _temperature_c(records: Sequence[TrialRecord]) -> float | None:
    found = [each.temperature_c for each in records if each.temperature_c is not None]
    return statistics.fmean(found) if found else None


def _means(own: _Seen, typical: _Seen, field: str) -> tuple[float, float] | None:
    """Return the means of a board and of a typical one over the settings that both ran; None if there are none.

    Other settings would mislead: if boards share the blocks, one may have run more at high clocks.
    """
    ours, theirs = own[field], typical[field]
    shared = ours.keys() & theirs.keys()
    if not shared:
        return None
    return statistics.fmean(ours[key] for key in shared), statistics.fmean(theirs[key] for key in shared)


def _seen(records: Sequence[TrialRecord]) -> _Seen:
    found: Mapping[str, defaultdict[CellKey, list[float]]] = {field: defaultdict(list) for field in _SEEN}
    for record in records:
        key = CellKey.of(record.trial)
        for field, values in found.items():
            if (value := getattr(record, field)) is not None:
                values[key].append(value)
    return {field: {key: statistics.fmean(own) for key, own in values.items()} for field, values in found.items()}


def _last(records: Sequence[TrialRecord]) -> Board:
    """The board as its last record describes it."""
    board = records[-1].board
    assert board is not None, "the records of a board name it"
    return board
