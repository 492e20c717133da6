"""One cell of a heatmap: what it says, and how sure that is."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from colocate.report.labels import ratio_texts
from colocate.report.metrics import Metric, Scale
from colocate.study.model import Cell, Doubt, Interval

# These cast doubt on a number that is there; the others explain one that is not.
_SUSPECT = frozenset({Doubt.STRESSOR_ENDED_EARLY, Doubt.CPU_TIME_STOLEN, Doubt.OTHER_LOAD, Doubt.TRIALS_FAILED})


class Standing(enum.Enum):
    """What a tile's look says; each but the first two has a line in the key. NOTHING is a share of about 0 %."""

    COLOURED = enum.auto()
    NOTHING = enum.auto()
    NOT_SIGNIFICANT = enum.auto()
    BELOW_SCALE = enum.auto()
    ABSENT = enum.auto()


@dataclass(frozen=True, slots=True)
class Tile:
    """`words` and `interval` are the lines in it; `value` is None where there is none to colour."""

    standing: Standing
    value: float | None
    words: str
    interval: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """A line of the key: a small tile of that standing, or a symbol in its place, and what it means."""

    symbol: str
    meaning: str
    standing: Standing | None = None


def tile_of(metric: Metric, cell: Cell | None) -> Tile:
    """What to show of `cell`, which may not have been measured."""
    found = None if cell is None else metric.value_of(cell)
    if cell is None or found is None:
        return Tile(Standing.ABSENT, None, "-")
    value, words, interval = _words_of(metric, found)
    words += " *" if _SUSPECT.intersection(cell.doubts) else ""
    origin = metric.scale.origin
    if isinstance(found, Interval) and interval.startswith("[") and not found.excludes(1.0):
        return Tile(Standing.NOT_SIGNIFICANT, value, f"{words} n.s.", interval)
    if metric.scale is Scale.SHARE and metric.text(value) == metric.text(0.0):
        return Tile(Standing.NOTHING, value, words)
    if origin is not None and value < origin:
        return Tile(Standing.BELOW_SCALE, value, f"▼ {words}", interval)
    return Tile(Standing.COLOURED, value, words, interval)


def _words_of(metric: Metric, found: Interval | float) -> tuple[float, str, str]:
    """The value, and the value and its interval in words."""
    if not isinstance(found, Interval):
        return found, metric.text(found), ""
    if found.lo is None or found.hi is None:
        return found.value, metric.text(found.value), "no interval"
    value, lo, hi = ratio_texts((found.value, found.lo, found.hi))
    return found.value, value, f"[{lo}, {hi}]"


def notes_on(metric: Metric, cells: Sequence[Cell | None]) -> list[Note]:
    """The key to everything in the tiles of `cells` that does not explain itself."""
    tiles = [tile_of(metric, cell) for cell in cells]
    standings = {tile.standing for tile in tiles}
    notes = []
    if Standing.NOT_SIGNIFICANT in standings:
        meaning = "not significant: the 95 % interval includes 1.0, so the task may cost nothing"
        notes.append(Note("n.s.", meaning, Standing.NOT_SIGNIFICANT))
    if Standing.BELOW_SCALE in standings:
        begins = "1.0, faster beside the task" if metric.scale is Scale.RATIO else "0 %, more work than alone"
        notes.append(Note("▼", f"below {begins}", Standing.BELOW_SCALE))
    if any(tile.interval == "no interval" for tile in tiles):
        notes.append(Note("", f"no interval, {_explained(Doubt.TOO_FEW_BLOCKS)}"))
    suspects = [cell for cell, tile in zip(cells, tiles, strict=True) if cell and tile.value is not None]
    notes += [Note("*", _explained(doubt)) for doubt in _doubts(suspects, _SUSPECT)]
    absent = [cell for cell, tile in zip(cells, tiles, strict=True) if tile.standing is Standing.ABSENT]
    notes += [Note("-", _explained(doubt), Standing.ABSENT) for doubt in _doubts(absent, metric.causes)]
    if any(cell is None or not metric.causes.intersection(cell.doubts) for cell in absent):
        notes.append(Note("-", "not measured", Standing.ABSENT))
    return notes


def _doubts(cells: Iterable[Cell | None], among: frozenset[Doubt]) -> list[Doubt]:
    seen = {doubt for cell in cells if cell is not None for doubt in cell.doubts}
    return [doubt for doubt in Doubt if doubt in seen & among]


def _explained(doubt: Doubt) -> str:
    return f"{doubt.value}: {doubt.remedy}"
