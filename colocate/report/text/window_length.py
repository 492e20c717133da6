"""How long windows must be to hold enough samples for a percentile."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from colocate.model.cell import Cell
from colocate.model.limits import PERCENTILES
from colocate.model.quality import TOO_FEW_FOR, QualityFlag
from colocate.store.run_file import Header
from colocate.study.stats import samples_needed

# The share of an alternating window that is in either condition: less than half, as guard segments count for neither.
_SIDE_RATIO = 0.4
# Inferences that follow one another are alike: plan on twice as many as if they were independent.
_SPARE = 2


def window_words(header: Header, cells: Sequence[Cell], warnings: Collection[QualityFlag]) -> str:
    """Return a sentence with the `--window` that gives all `cells` enough samples for the percentiles in `warnings`.

    Empty for a model, which lengthens its windows by itself. Also empty if windows of that length were too short:
    their inferences depend on one another for longer than expected.
    """
    wanted_s = [
        _SPARE * samples_needed(PERCENTILES[name]) * cell.p50_s / (_SIDE_RATIO if cell.alternating else 1)
        for name, flag in TOO_FEW_FOR.items()
        for cell in cells
        if flag in warnings and flag in cell.warnings and cell.p50_s is not None
    ]
    if header.facts.virtual_time or not wanted_s or max(wanted_s) <= header.spec.window_s:
        return ""
    return f"About --window {math.ceil(max(wanted_s))} would give each of these windows enough."
