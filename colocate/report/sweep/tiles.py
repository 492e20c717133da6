"""One tile of a heatmap: the value of a cell, and how certain that value is."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from colocate.model.cell import Cell, Interval
from colocate.model.quality import QualityFlag, in_order
from colocate.report.sweep.metrics import Metric, Scale
from colocate.report.text.numbers import ratio_texts

# These make a known value doubtful; the others explain why a value is absent.
_SUSPECT = frozenset(
    {
        QualityFlag.TASK_ENDED_EARLY,
        QualityFlag.CPU_TIME_STOLEN,
        QualityFlag.OTHER_LOAD,
        QualityFlag.TRIALS_FAILED,
        QualityFlag.ALTERNATION_DIFFERS,
        QualityFlag.PAUSED_LATE,
        QualityFlag.QUOTA_THROTTLED,
        QualityFlag.HELD_UP,
        QualityFlag.MOVED_BY_OTHERS,
    }
)


class TileState(enum.Enum):
    """What a tile's look means. Each state but COLOURED has a line in the key. NOTHING is a share that rounds
    to 0 %.
    """

    COLOURED = enum.auto()
    SAFE = enum.auto()
    UNSAFE = enum.auto()
    UNDECIDED = enum.auto()
    NOTHING = enum.auto()
    NOT_SIGNIFICANT = enum.auto()
    BELOW_SCALE = enum.auto()
    ABSENT = enum.auto()


@dataclass(frozen=True, slots=True)
class Tile:
    """`words` and `interval` are the two lines of text in a tile; `value` chooses its colour, None if it has none."""

    state: TileState
    value: float | None
    words: str
    interval: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """A line of the key: a symbol, on a small tile of that state if one is given, and what they mean."""

    symbol: str
    meaning: str
    state: TileState | None = None


def tile_of(metric: Metric, cell: Cell | None) -> Tile:
    """The tile of `cell`; None for `cell` means that it was not measured."""
    found = None if cell is None else metric.value_of(cell)
    if cell is None or found is None:
        return Tile(TileState.ABSENT, None, "-")
    value, words, interval = _words_of(metric, found)
    words += " *" if _SUSPECT.intersection(cell.warnings) else ""
    origin = metric.scale.origin
    if _is_not_significant(metric, cell, found):
        return Tile(TileState.NOT_SIGNIFICANT, value, f"{words} n.s.", interval)
    if metric.scale is Scale.SHARE and metric.text(value) == metric.text(0.0):
        return Tile(TileState.NOTHING, value, words)
    if origin is not None and value < origin:
        return Tile(TileState.BELOW_SCALE, value, f"▼ {words}", interval)
    return Tile(TileState.COLOURED, value, words, interval)


def _is_not_significant(metric: Metric, cell: Cell, found: Interval | float) -> bool:
    """Return whether the interval of the effect is known and includes no effect. The effect is the value if its scale
    has an origin, else the change.
    """
    origin = metric.scale.origin
    effect, none = (metric.change_of(cell), 1.0) if origin is None else (found, origin)
    known = isinstance(effect, Interval) and None not in (effect.lo, effect.hi)
    return isinstance(effect, Interval) and known and not effect.excludes(none)


def _is_narrow(metric: Metric, cell: Cell | None, tile: Tile) -> bool:
    """Return whether an interval is known but not shown, as its ends round to the value. A share of 0 % has its own
    note.
    """
    found = None if cell is None else metric.value_of(cell)
    return isinstance(found, Interval) and not tile.interval and tile.state is not TileState.NOTHING


def _words_of(metric: Metric, found: Interval | float) -> tuple[float, str, str]:
    """The value, and as text the value and its interval."""
    if not isinstance(found, Interval):
        return found, metric.text(found), ""
    if found.lo is None or found.hi is None:
        return found.value, metric.text(found.value), "no interval"
    of = (found.value, found.lo, found.hi)
    if metric.scale is Scale.RATIO:
        # Three decimals throughout: neighbours are compared.
        value, lo, hi = ratio_texts(of, least=3)
        return found.value, value, f"[{lo}, {hi}]"
    value, lo, hi = map(metric.text, of)
    return found.value, value, "" if lo == value == hi else f"[{lo}, {hi}]"


def notes_on(metric: Metric, cells: Sequence[Cell | None]) -> list[Note]:
    """The key to everything in the tiles of `cells` that does not explain itself."""
    tiles = [tile_of(metric, cell) for cell in cells]
    states = {tile.state for tile in tiles}
    notes = []
    if TileState.NOT_SIGNIFICANT in states:
        what = {Scale.RATIO: "slowdown", Scale.SHARE: "loss"}.get(metric.scale, "change from the network alone")
        meaning = f"Hatched tiles show no significant {what}."
        notes.append(Note("n.s.", meaning, TileState.NOT_SIGNIFICANT))
    if TileState.BELOW_SCALE in states:
        begins = "1.0, faster beside the task" if metric.scale is Scale.RATIO else "0 %, more work than alone"
        notes.append(Note("▼", f"below {begins}; chance alone shows this in 1 of 40 cells", TileState.BELOW_SCALE))
    if TileState.NOTHING in states:
        notes.append(Note("0 %", "nothing to speak of is lost", TileState.NOTHING))
    if any(_is_narrow(metric, cell, tile) for cell, tile in zip(cells, tiles, strict=True)):
        notes.append(Note("", "Tiles without an interval: both of its ends round to the value."))
    if any(tile.interval == "no interval" for tile in tiles):
        notes.append(Note("", f"no interval, {_explained(QualityFlag.TOO_FEW_REPEATS)}"))
    suspects = [cell for cell, tile in zip(cells, tiles, strict=True) if cell and tile.value is not None]
    notes += [Note("*", _explained(warning)) for warning in _warnings(suspects, _SUSPECT)]
    absent = [cell for cell, tile in zip(cells, tiles, strict=True) if tile.state is TileState.ABSENT]
    notes += [Note("-", _explained(warning), TileState.ABSENT) for warning in _warnings(absent, metric.causes)]
    if any(cell is None or not metric.causes.intersection(cell.warnings) for cell in absent):
        notes.append(Note("-", "not measured", TileState.ABSENT))
    return notes


def _warnings(cells: Iterable[Cell | None], among: frozenset[QualityFlag]) -> tuple[QualityFlag, ...]:
    seen = {warning for cell in cells if cell is not None for warning in cell.warnings}
    return in_order(seen & among)


def _explained(warning: QualityFlag) -> str:
    return f"{warning.value}: {warning.remedy}"
