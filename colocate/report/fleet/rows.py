"""The rows of tables on boards: how they differ, and what is expected of others like them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from colocate.model.cell import Cell
from colocate.model.limits import Limits, Quantity
from colocate.report.advise.words import interval_words
from colocate.report.fleet.load import FleetReport
from colocate.report.fleet.words import spread_text
from colocate.report.sweep.columns import setting_columns
from colocate.report.text.labels import beside_words, clocks_column, inferences_of, network_words, plain, tasks_of
from colocate.report.text.numbers import ratio_text
from colocate.report.text.tables import Value, interval_columns
from colocate.study.population import OverBoards, Promise
from colocate.study.verdicts import Verdict, verdict

PROMISE_COLUMNS = {
    "network": True, "beside": True, "placement": False, "CPU/GPU MHz": False, "SAFE on 95 %": False,
    "quantity": False, "95 % of boards below": False, "between boards": False, "inside": False,
}  # fmt: skip
BOARD_COLUMNS = {
    "board": True, "latency ratio": False, "blocks": False, "temperature": False, "note": False, "differs in": True,
}  # fmt: skip


def promise_rows(report: FleetReport, limits: Limits) -> Iterator[tuple[str, ...]]:
    """Rows under `PROMISE_COLUMNS`: each cell's verdict on boards like these, and what decides it."""
    cells = [each.cell for each in report.promises]
    inferences, tasks = inferences_of(cells), tasks_of(cells)
    for each in report.promises:
        cell, (quantity, found) = each.cell, decisive(each, limits)
        yield (
            network_words(cell.inference, inferences),
            beside_words(cell, tasks),
            cell.placement,
            clocks_column(cell.clocks),
            each.verdict.value,
            quantity.words,
            "" if found is None else interval_words(quantity, found.quantile),
            *("" if value is None else spread_text(value) for value in _variances(found)),
        )


def decisive(promise: Promise, limits: Limits) -> tuple[Quantity, OverBoards | None]:
    """The quantity with the least room to its limit, of those with the same verdict as the cell.

    With it, its distribution over boards; None if a board has no value of it.
    """

    def room(quantity: Quantity, limit: float) -> tuple[bool, float]:
        found = promise.limited.get(quantity)
        own = Verdict.UNDECIDED if found is None else verdict(found.quantile, limit)
        return own is not promise.verdict, 0.0 if found is None else limit / found.quantile.value

    quantity = min(limits.by_quantity, key=lambda each: room(each, limits.by_quantity[each]))
    return quantity, promise.limited.get(quantity)


def _variances(found: OverBoards | None) -> tuple[float | None, float | None]:
    return (None, None) if found is None else (found.scatter.between, found.scatter.inside)


def board_rows(report: FleetReport) -> Iterator[tuple[str, ...]]:
    """Rows under `BOARD_COLUMNS`: each board compared with the others."""
    for each in report.effects.boards if report.effects else ():
        yield (
            plain(each.board.name),
            ratio_text(each.ratio, 3),
            str(each.blocks),
            "" if each.temperature_c is None else f"{each.temperature_c:.0f} °C",
            "odd" if each.odd else "",
            "; ".join(f"{name} {own}" for name, (own, _) in each.apart.items()),
        )


def boards_file_rows(report: FleetReport, rig: str) -> list[Mapping[str, Value]]:
    """The rows of boards.csv: one for each cell on each board."""
    return [board_row(name, cell, rig) for name, cells in report.boards.items() for cell in cells]


def board_row(name: str, cell: Cell, rig: str) -> Mapping[str, Value]:
    """The row of one cell on one board; an unknown value is None."""
    return {
        "board": name,
        **setting_columns(cell, rig),
        "n": cell.n,
        "blocks": cell.blocks,
        "p50_s": cell.p50_s,
        "p95_s": cell.p95_s,
        **interval_columns("slowdown_p50", cell.slowdown_p50),
        **interval_columns("slowdown_mean", cell.slowdown_mean),
        "power_w": cell.power_w,
        **interval_columns("work_loss_ratio", cell.work_loss_ratio),
        "temperature_c": cell.temperature_c,
        "warnings": ";".join(warning.value for warning in cell.warnings),
    }


def promises_file_rows(promises: Sequence[Promise], limits: Limits, rig: str) -> list[Mapping[str, Value]]:
    """The rows of boards-like-these.csv: one for each judged cell."""
    return [promise_row(each, limits, rig) for each in promises]


def promise_row(promise: Promise, limits: Limits, rig: str) -> Mapping[str, Value]:
    """The row of one cell: the verdict on boards like these, and what decides it. An unknown value is None."""
    quantity, found = decisive(promise, limits)
    between, inside = _variances(found)
    return {
        **setting_columns(promise.cell, rig),
        "boards": promise.boards,
        "verdict": promise.verdict.value,
        "decided_by": quantity.value,
        "limit": limits.by_quantity[quantity],
        **interval_columns("quantile", None if found is None else found.quantile),
        "log_variance_between": between,
        "log_variance_inside": inside,
    }
