"""The latencies that the numbers of cells come from: what distributions are drawn from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from colocate.model.cell import Cell
from colocate.model.cell_key import CellKey
from colocate.model.quality import QualityFlag
from colocate.model.trial import FloatArray, TrialRecord
from colocate.study.windows import pooled_latencies


def latencies_of(cells: Iterable[Cell], records: Iterable[TrialRecord]) -> Mapping[CellKey, FloatArray]:
    """By setting its latencies in seconds (n,), all windows together; none where there is no inference.

    Where a cell rests on steady windows, as alternating ones show another slowdown, those are left out.
    """
    steady = {CellKey.of_cell(cell) for cell in cells if QualityFlag.ALTERNATION_DIFFERS in cell.warnings}
    return pooled_latencies(
        record for record in records if not (record.trial.alternating and CellKey.of(record.trial) in steady)
    )
