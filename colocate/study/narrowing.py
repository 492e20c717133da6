"""How wide the intervals of a running study are, and how many more repeats make them half as wide.

With n windows whose log slowdowns have the standard deviation s, an interval is exp(2 t(n - 1) s / sqrt(n)) - 1 wide,
where t is Student's t. The forecast assumes that s stays the same. The width then falls fastest at first, because
Student's t is large for few windows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from colocate.model.cell import Cell
from colocate.model.cell_key import CellKey
from colocate.model.limits import Quantity
from colocate.model.trial import FloatArray, Trial
from colocate.study.bounds import means, rows
from colocate.study.evidence import Slowdowns
from colocate.study.plan import estimate_s
from colocate.study.stages import windows_for


@dataclass(frozen=True, slots=True)
class Narrowing:
    """`width` is the median width of the slowdown intervals of the cells still measured: 0.02 is 2 % from end to end.

    After `further_repeats` more repeats, which take `further_s` seconds, the median should be `further_width`. This
    is half of `width` or less, unless the plan ends earlier.
    """

    width: float
    further_width: float
    further_repeats: int
    further_s: float


def narrowing(
    found: Iterable[Slowdowns],
    to_come: Sequence[Trial],
    open_cells: Collection[Cell] | None = None,
    confidence: float = 0.95,
) -> Narrowing | None:
    """Return how wide the intervals of the p50 slowdowns in `found` are, and what further repeats would bring.

    `to_come` are the trials of the plan that have not ended. `open_cells` are the cells still measured; None means
    all. Returns None if none of these cells has an interval yet, or no repeat is left for them.
    """
    keys = None if open_cells is None else {CellKey.of_cell(cell) for cell in open_cells}
    own = [each.values for each in found if not each.closed and (keys is None or each.key in keys)]
    known = means(rows(own, Quantity.SLOWDOWN_P50))
    told = np.isfinite(known.spread)
    if not told.any():
        return None
    n, spread = known.blocks[told], known.spread[told]
    coming = windows_for(to_come, keys)
    repeats = sorted({trial.repeat for trial in coming})
    if not repeats:
        return None
    width = _median_width(n, spread, confidence)
    widths = [_median_width(n + further, spread, confidence) for further in range(1, len(repeats) + 1)]
    further = next((number for number, each in enumerate(widths, start=1) if each <= width / 2), len(widths))
    meanwhile = [trial for trial in coming if trial.repeat <= repeats[further - 1]]
    return Narrowing(width, widths[further - 1], further, estimate_s(meanwhile))


def _median_width(n: FloatArray, spread: FloatArray, confidence: float) -> float:
    half = stdtrit(n - 1, (1 + confidence) / 2) * spread / np.sqrt(n)
    return float(np.median(np.expm1(np.minimum(2 * half, 700.0))))
