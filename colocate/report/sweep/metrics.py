"""The quantities of a cell that heatmaps can show."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from colocate.model.cell import Cell, Interval
from colocate.model.cell_key import CellKey
from colocate.model.limits import Quantity
from colocate.model.quality import TOO_FEW_FOR, QualityFlag
from colocate.report.text.numbers import percent_text, ratio_text, three_digits
from colocate.study.evidence import Evidence
from colocate.study.stats import geometric_mean


class Scale(enum.Enum):
    """How values become colours."""

    RATIO = "from 1, where nothing changes; equal ratios are equal steps"
    SHARE = "from 0, where nothing changes"
    KEPT = "from 0, where nothing is done, to 1"
    AMOUNT = "from the least to the greatest"

    @property
    def origin(self) -> float | None:
        """The value that means no change, at which the colours begin; None if there is no such value."""
        return {Scale.RATIO: 1.0, Scale.SHARE: 0.0}.get(self)


@dataclass(frozen=True, slots=True)
class Metric:
    """One quantity. `name` is part of the figure's file name, `bar` labels the colours, and `causes` are warnings
    that may explain its absence.

    `change_of` is the ratio beside the task over alone, for a quantity whose value does not itself show a change. A
    `metered` quantity comes from steady windows: sensors are slower than the segments of alternating ones.
    """

    name: str
    title: str
    bar: str
    scale: Scale
    value_of: Callable[[Cell], Interval | float | None]
    text: Callable[[float], str]
    causes: frozenset[QualityFlag] = frozenset()
    metered: bool = False
    change_of: Callable[[Cell], Interval | None] = lambda cell: None


def _with_ends(value: float | None, ends: tuple[float, float] | None) -> Interval | float | None:
    return value if value is None or ends is None else Interval(value, *ends)


def _slowdown(statistic: str, words: str, *causes: QualityFlag) -> Metric:
    return Metric(
        name=f"slowdown-{statistic}",
        title=f"Slowdown of the {words} latency beside each task",
        bar=f"latency beside the task / latency alone, {statistic}",
        scale=Scale.RATIO,
        value_of=lambda cell: cell.slowdown(statistic),
        text=lambda value: ratio_text(value, 3),
        causes=frozenset({*TOO_FEW_FOR.values(), QualityFlag.TRIALS_FAILED, *causes}),
    )


# A network that waits for a CPU only now and then keeps its median; every wait raises the mean.
_MEAN = _slowdown("mean", "mean")
_POWER = Metric(
    name="power",
    title="Mean power of the board during the windows",
    bar="mean power of the board, W",
    scale=Scale.AMOUNT,
    value_of=lambda cell: _with_ends(cell.power_w, cell.power_ends_w),
    text=three_digits,
    metered=True,
    change_of=lambda cell: cell.power_ratio,
)
METRICS = (
    _slowdown("p50", "median"),
    _MEAN,
    _slowdown("p99", "p99", QualityFlag.TOO_FEW_REPEATS),
    _POWER,
    Metric(
        name="energy-per-inference",
        title="Energy of the board per inference",
        bar="energy of the board per inference, J, with what it draws idle",
        scale=Scale.AMOUNT,
        value_of=lambda cell: _with_ends(cell.energy_per_inference_j, cell.energy_ends_j),
        text=three_digits,
        metered=True,
        change_of=lambda cell: cell.energy_ratio,
    ),
    Metric(
        name="work-loss",
        title="What each task loses beside the network",
        bar="by how much slower the task works beside the network than without it",
        scale=Scale.SHARE,
        value_of=lambda cell: cell.work_loss_ratio,
        text=percent_text,
        causes=frozenset({QualityFlag.NO_RUN_COMPLETED, QualityFlag.TRIALS_FAILED}),
    ),
)


def latency_metric(evidence: Iterable[Evidence], statistic: str) -> Metric:
    """Return the metric of the latency `statistic`, in ms. Its value is the geometric mean over the repeats, with an
    interval. If no repeat knows it, it is the statistic of all windows together.
    """
    found = {CellKey.of_cell(each.cell): each.values.get(Quantity.latency(statistic), {}) for each in evidence}

    def value_of(cell: Cell) -> Interval | float | None:
        pooled_s = cell.latency_s(statistic)
        if values_s := found.get(CellKey.of_cell(cell)):
            return geometric_mean(1e3 * np.array([*values_s.values()]))
        return None if pooled_s is None else 1e3 * pooled_s

    return Metric(
        name=f"latency-{statistic}",
        title=f"{statistic.capitalize()} latency alone and beside each task",
        bar=f"latency, ms, {statistic}",
        scale=Scale.AMOUNT,
        value_of=value_of,
        text=three_digits,
        causes=frozenset({*TOO_FEW_FOR.values(), QualityFlag.TRIALS_FAILED}),
        change_of=lambda cell: cell.slowdown(statistic),
    )


def containment_metrics(evidence: Iterable[Evidence]) -> tuple[Metric, ...]:
    """Return the metrics by which containments are chosen: what the network pays, what the task gets done, and
    power.
    """
    shares = {CellKey.of_cell(each.cell): each.work_share for each in evidence}
    kept = Metric(
        name="work-kept",
        title="Work of each task beside the network",
        bar="share of the task's full speed, its highest work rate without the network",
        scale=Scale.KEPT,
        value_of=lambda cell: shares.get(CellKey.of_cell(cell)),
        text=percent_text,
        causes=frozenset({QualityFlag.NO_RUN_COMPLETED, QualityFlag.TRIALS_FAILED}),
    )
    p95 = _slowdown("p95", "p95", QualityFlag.TOO_FEW_REPEATS)
    return _MEAN, p95, kept, _POWER
