"""What a run of a fleet shows of its boards."""

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
    """The cells of each board by its name, what the boards do to latency (None for fewer than two that share a
    setting), and under limits what is promised of boards like them, where each of them ran the table.
    """

    sharing: Sharing
    boards: Mapping[str, tuple[Cell, ...]]
    effects: Effects | None
    promises: tuple[Promise, ...]


def load_fleet(run: LoadedRun) -> FleetReport | None:
    """None for a run of one machine, and before the first block has come."""
    of_boards = {name: own for name, own in by_board(run.records).items() if name}
    if run.header.sharing is None or not of_boards:
        return None
    return FleetReport(
        run.header.sharing,
        {name: cells(own, run.header.spec) for name, own in of_boards.items()},
        effects(run.records),
        () if run.limits is None else promises(run.evidence, run.limits),
    )
