"""What a run of a fleet shows about its boards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from colocate.model.cell import Cell
from colocate.model.fleet import Sharing
from colocate.report.run_report import LoadedRun
from colocate.study.board_effects import Effects, effects
from colocate.study.boards import by_board
from colocate.study.interference import cells
from colocate.study.population import Promise, promises


@dataclass(frozen=True, slots=True)
class FleetReport:
    """What a run of a fleet shows about its boards.

    `boards` has the cells of each board by its name. `effects` says how latency differs between boards; None if no
    two share a setting. `promises` are verdicts on other boards like these; empty without limits, and unless each
    board ran every block.
    """

    sharing: Sharing
    boards: Mapping[str, tuple[Cell, ...]]
    effects: Effects | None
    promises: tuple[Promise, ...]


def load_fleet(run: LoadedRun) -> FleetReport | None:
    """The report on a fleet; None for a run of one machine, and before the first result."""
    of_boards = {name: own for name, own in by_board(run.records).items() if name}
    if run.header.sharing is None or not of_boards:
        return None
    return FleetReport(
        run.header.sharing,
        {name: cells(own, run.header.spec) for name, own in of_boards.items()},
        effects(run.records),
        () if run.limits is None else promises(run.evidence, run.limits),
    )
