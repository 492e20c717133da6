"""A comparison for `--json`; names of quantities carry their units."""

from __future__ import annotations

import dataclasses
from typing import Any

from colocate.model.cell import Cell
from colocate.model.containment import containment_words
from colocate.report.compare.load import Compared


def comparison_json(compared: Compared) -> dict[str, Any]:
    """All changes as a JSON object, significant or not; the unknown end of an interval is null."""
    found = compared.comparison
    return {
        "max_regression": found.max_regression,
        "confidence": found.confidence,
        "regressions": len(found.regressions),
        "improvements": len(found.improvements),
        "blind": len(found.blind),
        "changes": [
            {
                **_cell_json(change.before),
                "quantity": change.quantity.value,
                "ratio": change.ratio.value,
                "lo": change.ratio.lo,
                "hi": change.ratio.hi,
                "detectable_ratio": change.detectable_ratio,
                "regressed": change.regressed,
                "improved": change.improved,
            }
            for change in found.changes
        ],
        "only_before": [_cell_json(cell) for cell in found.only_before],
        "only_after": [_cell_json(cell) for cell in found.only_after],
        "differs": list(compared.differs),
        "notes": list(compared.notes),
    }


def _cell_json(cell: Cell) -> dict[str, Any]:
    task = {"task": cell.task, "containment": containment_words(cell.containment)}
    return {**cell.inference.to_json(), **task, "placement": cell.placement, **dataclasses.asdict(cell.clocks)}
