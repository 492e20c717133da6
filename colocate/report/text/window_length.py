"""How long windows must be where they hold too few samples for a percentile."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from colocate.model.cell import Cell
from colocate.model.limits import PERCENTILES
from colocate.model.quality import TOO_FEW_FOR, QualityFlag
from colocate.store.run_file import Header
from colocate.study.stats import samples_needed

# Of an alternating window the network alone, and beside the task, each have less than half: guards count for neither.
_SIDE_RATIO = 0.4
# Inferences that follow one another are alike: plan on twice as many as if they were independent.
_SPARE = 2


def window_words(header: Header, cells: Sequence[Cell], warnings: Collection[QualityFlag]) -> str:
    """About which `--window` gives all `cells` the percentiles of which the `warnings` say that samples are too few.

    Empty where that is not known: a model lengthens its windows by itself, and where windows of that length were too
    short it is because their inferences depend on one another for longer than was planned on.
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
