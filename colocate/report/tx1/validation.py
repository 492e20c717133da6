"""How a model compares with published values: pages with a line for each value, and the same in words."""

from __future__ import annotations

import collections
import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from matplotlib.figure import Figure

from colocate.model.provenance import Provenance, PublishedCheck, PublishedQuantity, PublishedRole
from colocate.model.trial import FloatArray
from colocate.report.drawing.colours import ACCENT, INK, QUIET, RULE, WHITE
from colocate.report.drawing.ink import text_width_in
from colocate.report.drawing.key import Key
from colocate.report.drawing.paper import LINE_IN, MARGIN_IN, PAGE_IN, SMALL_PT, Sheet, heading_height_in
from colocate.report.text.captions import Caption
from colocate.report.text.labels import plain
from colocate.report.text.numbers import counted, three_digits

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of quantity: its name, its unit on the page, and the factor from the stored unit to that one."""

    name: str
    unit: str
    scale: float = 1.0


_KINDS: Mapping[PublishedQuantity, _Kind] = {
    "latency_s": _Kind("latency", "ms", 1e3),
    "forward_s": _Kind("latency", "ms", 1e3),
    "layers_s": _Kind("latency", "ms", 1e3),
    "layer_s": _Kind("latency per layer", "ms", 1e3),
    "images_per_s": _Kind("throughput", "images/s"),
    "power_w": _Kind("power", "W"),
    "active_power_w": _Kind("mean power reading while the GPU was busy", "W"),
    "peak_power_w": _Kind("highest power reading", "W"),
}


@dataclass(frozen=True, slots=True)
class _Look:
    marker: str
    size: float
    edge: str
    face: str
    meaning: str

    @property
    def plot(self) -> Mapping[str, Any]:
        """Arguments of matplotlib's `plot`."""
        return {
            "marker": self.marker, "markersize": self.size, "markeredgecolor": self.edge,
            "markerfacecolor": self.face, "markeredgewidth": 1.1,
        }  # fmt: skip


_LOOKS: Mapping[PublishedRole, _Look] = {
    "calibration": _Look("o", 4.5, INK, INK, "constants were fitted to the figure, or read from it"),
    "not fitted": _Look("D", 5.0, ACCENT, WHITE, "no constant was fitted to the figure"),
}
# Half widths of the bands, narrow one first, and their colours.
_BANDS = ((0.1, "#d4d4d4"), (0.2, "#ececec"))
_ROW_IN, _HEAD_IN, _GROUP_GAP_IN, _COLUMN_GAP_IN = 0.165, 0.50, 0.22, 0.45
_PLOT_IN = 2.5
# What heading and key leave of a page, and the rows of a group that fill it.
_COLUMN_IN = PAGE_IN - 2.1
_ROWS_MAX = int((_COLUMN_IN - _HEAD_IN - _GROUP_GAP_IN) / _ROW_IN)
# Right edges of the columns of numbers, from the right edge of the plot.
_NUMBERS_IN = {"published": 0.72, "model": 1.22, "error": 1.80}
_LIMITS = (0.25, 0.6)

_Group = Sequence[PublishedCheck]


def draw_validation(provenance: Provenance | None, caption: Caption) -> list[Figure]:
    """Draw pages with a line for each published value, grouped by source, quantity and role (fitted to or not).

    No pages are drawn for a run on a real machine.
    """
    if provenance is None or not provenance.validation:
        return []
    return [_page(provenance, columns, caption) for columns in _pages(_groups(provenance.validation))]


def _page(provenance: Provenance, columns: Sequence[Sequence[_Group]], caption: Caption) -> Figure:
    checks, constants = provenance.validation, provenance.constants
    label_in = 0.15 + max(text_width_in(plain(check.figure), SMALL_PT) for check in checks)
    column_in = label_in + _PLOT_IN + max(_NUMBERS_IN.values())
    width = 2 * MARGIN_IN + len(columns) * (column_in + _COLUMN_GAP_IN) - _COLUMN_GAP_IN
    # The circumstances of the run are not those of the published figures.
    own, phrases = Caption(caption.rig, ()), ["error = model / published \u2212 1"]
    by_role = {role: [check for check in checks if check.role == role] for role in _LOOKS}
    summaries = [f"{role}: {summary_of(of_role)}" for role, of_role in by_role.items() if of_role]
    kinds = collections.Counter(constant.kind for constant in constants)
    constants_words = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())
    summaries.append(f"constants: {constants_words}; each with its unit and source in constants.csv")
    first_line = heading_height_in(own, phrases, width) + 0.05
    top = first_line + LINE_IN * len(summaries) + 0.16
    bottom = top + max(sum(map(_height_in, column)) for column in columns)
    sheet = Sheet(width, bottom + 0.42)
    sheet.heading("The model beside what others measured on a Tegra X1", own, phrases)
    sheet.lines(first_line, summaries)
    limit = min(_LIMITS[1], max(_LIMITS[0], *(1.05 * abs(check.error_ratio) for check in checks)))
    for number, column in enumerate(columns):
        y = top
        for group in column:
            _draw_group(sheet, MARGIN_IN + number * (column_in + _COLUMN_GAP_IN), y, label_in, group, limit)
            y += _height_in(group)
    _draw_key(sheet, bottom + 0.12, {group[0].role for column in columns for group in column})
    return sheet.figure


def _groups(checks: Sequence[PublishedCheck]) -> list[_Group]:
    """`checks` by source, kind and role. Values that no constant was fitted to come first: these test the model."""
    found: dict[tuple[str, _Kind, str], list[PublishedCheck]] = {}
    for check in sorted(checks, key=lambda check: check.role != "not fitted"):
        found.setdefault((check.source, _KINDS[check.quantity], check.role), []).append(check)
    return [of[start : start + _ROWS_MAX] for of in found.values() for start in range(0, len(of), _ROWS_MAX)]


def _pages(groups: Sequence[_Group]) -> list[list[Sequence[_Group]]]:
    """`groups` spread over pages no higher than paper, each of one or two columns."""
    pages: list[list[_Group]] = [[]]
    for group in groups:
        if max(sum(map(_height_in, column)) for column in _columns([*pages[-1], group])) > _COLUMN_IN and pages[-1]:
            pages.append([])
        pages[-1].append(group)
    return [_columns(page) for page in pages]


def _columns(groups: Sequence[_Group]) -> list[Sequence[_Group]]:
    """`groups` in two columns of heights as equal as possible; a single group is one column."""
    heights = [_height_in(group) for group in groups]
    breaks = range(1, len(groups))
    best = min(breaks, key=lambda at: max(sum(heights[:at]), sum(heights[at:])), default=0)
    return [groups[:best], groups[best:]] if best else [groups]


def _height_in(group: _Group) -> float:
    return _HEAD_IN + _ROW_IN * len(group) + _GROUP_GAP_IN


def summary_of(checks: Sequence[PublishedCheck]) -> str:
    """How far off the model is in `checks`, in words. There must be at least one check."""
    errors = [abs(check.error_ratio) for check in checks]
    inside = ", ".join(f"{sum(error <= half for error in errors)} within {100 * half:.0f} %" for half, _ in _BANDS)
    return f"{counted(len(checks), 'figure')}, off by {_span(checks)}; {inside}"


def _span(checks: Sequence[PublishedCheck]) -> str:
    errors = [abs(check.error_ratio) for check in checks]
    return f"{100 * statistics.median(errors):.1f} % in the median, {100 * max(errors):.1f} % at worst"


def _percent(ratio: float, decimals: int) -> str:
    """`ratio` in %, with its sign; a value that rounds to 0 has none."""
    words = f"{100 * ratio:+.{decimals}f}".replace("-", "\u2212")
    return (words if any(digit in words for digit in "123456789") else words[1:]) + " %"


def quantity_words(check: PublishedCheck) -> str:
    """The kind of quantity of `check` and its unit, as in `latency, ms`."""
    return f"{_KINDS[check.quantity].name}, {_KINDS[check.quantity].unit}"


def number_words(check: PublishedCheck) -> tuple[str, str, str]:
    """The published value and the model's, in the unit of `quantity_words`, and the model's error in %."""
    scale = _KINDS[check.quantity].scale
    return three_digits(scale * check.published), three_digits(scale * check.model), _percent(check.error_ratio, 1)


def _draw_group(sheet: Sheet, x: float, y: float, label_in: float, group: _Group, limit: float) -> None:
    plot_x, first = x + label_in, y + _HEAD_IN
    sheet.title(x, y + 0.10, f"{plain(group[0].source)}: {quantity_words(group[0])}")
    sheet.text(x, y + 0.36, f"{group[0].role}: {_span(group)}", SMALL_PT, colour=_LOOKS[group[0].role].edge)
    for title, right in _NUMBERS_IN.items():
        sheet.note(plot_x + _PLOT_IN + right, y + 0.36, title, ha="right")
    _draw_scale(sheet, plot_x, first, len(group), limit)
    _draw_dots(sheet, plot_x, first, group, limit)
    for row, check in enumerate(group):
        middle = first + (row + 0.5) * _ROW_IN
        sheet.text(x, middle, plain(check.figure), SMALL_PT)
        for right, words in zip(_NUMBERS_IN.values(), number_words(check), strict=True):
            sheet.text(plot_x + _PLOT_IN + right, middle, words, SMALL_PT, ha="right")


def _across(errors: FloatArray, x: float, limit: float) -> FloatArray:
    """The x of `errors` (n,), in inches, in a plot from `x` that spans -`limit` to `limit`."""
    return x + _PLOT_IN * (0.5 + errors / (2 * limit))


def _draw_scale(sheet: Sheet, x: float, y: float, rows: int, limit: float) -> None:
    height = _ROW_IN * rows
    for half, colour in reversed(_BANDS):
        left, right = _across(np.array([-half, half]), x, limit)
        sheet.box(left, y, right - left, height, face=colour)
    middle = x + _PLOT_IN / 2
    sheet.plot((middle, middle), (y, y + height), color=QUIET, linewidth=0.8)
    step = 0.1 if limit < 0.35 else 0.25
    most = int(limit / step)
    ticks = np.arange(-most, most + 1) * np.float64(step)
    for tick, place in zip(ticks, _across(ticks, x, limit), strict=True):
        sheet.plot((place, place), (y - 0.03, y), color=RULE, linewidth=0.8)
        sheet.text(place, y - 0.14, _percent(tick, 0), SMALL_PT, ha="center")


def _draw_dots(sheet: Sheet, x: float, y: float, group: _Group, limit: float) -> None:
    """Draw the error of each row as a mark with a line from 0; an arrow stands for an error beyond the scale."""
    look = _LOOKS[group[0].role]
    errors = np.array([check.error_ratio for check in group])
    inside = errors.clip(-limit, limit)
    places, rows = _across(inside, x, limit), y + _ROW_IN * (np.arange(len(group), dtype=np.float64) + 0.5)
    # One line with a gap after each stem.
    gaps = np.full(len(group), np.nan)
    middles = np.full(len(group), x + _PLOT_IN / 2)
    stems = [np.column_stack(each).ravel() for each in ((middles, places, gaps), (rows, rows, gaps))]
    sheet.plot(*stems, color=look.edge, linewidth=0.8)
    for marker, those in ((look.marker, errors == inside), (">", errors > inside), ("<", errors < inside)):
        if those.any():
            sheet.plot(places[those], rows[those], **{**look.plot, "marker": marker, "linestyle": "none"})


def _draw_key(sheet: Sheet, y: float, roles: Collection[PublishedRole]) -> None:
    key = Key(sheet, y)
    for role, look in ((role, look) for role, look in _LOOKS.items() if role in roles):
        key.plot(f"{role}: {look.meaning}", **look.plot)
    for half, colour in _BANDS:
        key.box(f"within {100 * half:.0f} %", 0.28, 0.14, colour, words_in=0.35)
