"""The look of axes: few thin lines, small labels, round numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from colocate.report.drawing.colours import RULE
from colocate.report.drawing.paper import SMALL_PT


def style_axes(axes: Axes, *frame: str, length_pt: float = 3, pad_pt: float = 2) -> None:
    """Give `axes` small labels and grey ticks, and draw only these sides of the frame (`left`, `bottom`), in grey."""
    axes.tick_params(labelsize=SMALL_PT, length=length_pt, pad=pad_pt, color=RULE)
    for side, spine in axes.spines.items():
        spine.set_visible(side in frame)
        spine.set_color(RULE)


def set_ticks(axis: Axis, ticks: Sequence[float]) -> None:
    """Put ticks at these values and nowhere else, each labelled with its number."""
    axis.set_major_locator(FixedLocator(list(ticks)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def round_ticks(lo: float, hi: float, logarithmic: bool) -> list[float]:
    """Round numbers from `lo` to `hi`, in even steps unless a logarithmic scale spans a factor of 4 or more.

    On a logarithmic scale `lo` and `hi` must be positive.
    """
    if not logarithmic or hi / lo < 4:
        ticks = [float(tick) for tick in MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(lo, hi)]
    else:
        first, last = math.floor(math.log10(lo)), math.ceil(math.log10(hi))
        leading = (1, 2, 3, 5) if hi / lo < 100 else (1, 3) if hi / lo < 1e4 else (1,)
        ticks = [digit * 10.0**power for power in range(first, last + 1) for digit in leading]
    slack = 1e-9 * (hi - lo)
    return [tick for tick in ticks if lo - slack <= tick <= hi + slack]
