"""The latencies behind the numbers of cells, for drawing distributions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from colocate.model.cell import Cell
from colocate.model.cell_key import CellKey
from colocate.model.quality import QualityFlag
from colocate.model.trial import FloatArray, TrialRecord
from colocate.study.windows import pooled_latencies


def latencies_of(cells: Iterable[Cell], records: Iterable[TrialRecord]) -> Mapping[CellKey, FloatArray]:
    """Return the latencies of each setting with a network, in seconds (n,), from all its windows together.

    If a cell uses steady windows because alternating ones gave a different slowdown, its alternating ones are left
    out.
    """
    steady = {CellKey.of_cell(cell) for cell in cells if QualityFlag.ALTERNATION_DIFFERS in cell.warnings}
    return pooled_latencies(
        record for record in records if not (record.trial.alternating and CellKey.of(record.trial) in steady)
    )
