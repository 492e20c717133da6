"""Settings of a network -> the best one under limits of latency and power, and how it compares with the default."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from colocate.model.cell import Interval
from colocate.model.purpose import Aim, LatencyStatistic
from colocate.model.request import Inference
from colocate.study.efficiency import Efficiency, Window
from colocate.study.stats import paired_ratio

# The worth of a latency in seconds, from 0 (useless) to 1 (as good as any).
Worth = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class TradeOff:
    """The `best` setting of a network, None if none is of use, and how it compares with the `default` one.

    The ratios are best over default, paired by repeat: `times_better` of images/s/W, `latency_ratio` of the p50.
    Their intervals are widened because the best is chosen among `candidates` settings. Settings whose power, or else
    whose latency, is unknown could not be chosen.
    """

    network: str
    best: Efficiency | None
    default: Efficiency | None
    candidates: int
    times_better: Interval | None = None
    throughput_ratio: Interval | None = None
    latency_ratio: Interval | None = None
    without_power: tuple[Efficiency, ...] = ()
    without_latency: tuple[Efficiency, ...] = ()


def worth_of(aim: Aim) -> Worth | None:
    """Return the function that gives the worth of a latency under `aim`; None if `aim` has no latency limit."""
    if aim.latency_limit_s is None:
        return None
    return {"within": within, "fading": fading}[aim.utility](aim.latency_limit_s)


def within(limit_s: float) -> Worth:
    """Return a function that is 1 for a latency up to `limit_s`, and 0 beyond.

    The best setting is then the one with the least energy per image that keeps the limit.
    """
    return lambda latency_s: float(latency_s <= limit_s)


def fading(limit_s: float) -> Worth:
    """Return a function that is 1 for a latency up to `limit_s`, and limit / latency beyond."""
    return lambda latency_s: min(1.0, limit_s / latency_s)


def utility(
    row: Efficiency,
    worth: Worth | None,
    quantile: LatencyStatistic = "p99_s",
    power_budget_w: float | None = None,
    *,
    metered: bool = True,
) -> float | None:
    """Return images/s/W * worth(latency), in images per joule; None if a factor is unknown.

    If not `metered`, images/s stand for images/s/W. Latency (`quantile`) and power are the upper ends of their
    intervals: what can be promised. Without `worth`, latency does not count. Beyond the power budget the utility is
    0.
    """
    per_j = row.images_per_j if metered else row.images_per_s
    if per_j is None:
        return None
    if power_budget_w is not None:
        if row.power_w is None:
            return None
        if _promised(row.power_w) > power_budget_w:
            return 0.0
    if worth is None:
        return per_j.value
    latency: Interval | None = getattr(row, quantile)
    if latency is None:
        # A tail that is not known is no shorter than the median.
        return 0.0 if row.p50_s is not None and worth(row.p50_s.value) == 0 else None
    return per_j.value * worth(_promised(latency))


def _promised(interval: Interval) -> float:
    return interval.value if interval.hi is None else interval.hi


def trade_offs(
    rows: Sequence[Efficiency],
    worth: Worth | None = None,
    quantile: LatencyStatistic = "p99_s",
    backend: str | None = None,
    confidence: float = 0.95,
    power_budget_w: float | None = None,
) -> tuple[TradeOff, ...]:
    """Return for each network the setting of greatest `utility`, compared with the `default_setting` on `backend`.

    Networks are in the order of `rows`. If no power was metered, images/s count. The best setting is None if the
    utility of each is 0 or unknown.
    """
    by_network: defaultdict[str, list[Efficiency]] = defaultdict(list)
    for row in rows:
        by_network[row.setting.inference.network].append(row)
    return tuple(
        _trade_off(network, own, default_setting(own, backend), worth, quantile, confidence, power_budget_w)
        for network, own in by_network.items()
    )


def default_setting(rows: Sequence[Efficiency], backend: str | None = None) -> Efficiency | None:
    """Return the row of the setting that a user gets without setting anything; None if it is not in `rows`.

    It has batch 1 (or the only batch in `rows`, which a file may fix) and fp32, on `backend`, or else on that of the
    first row. Its clocks are left to their governors, or if all are set, are the highest.
    """
    batches = {row.setting.inference.batch for row in rows}
    batch = batches.pop() if len(batches) == 1 else 1
    backend = backend or rows[0].setting.inference.backend
    plain = [row for row in rows if _plain(row.setting.inference, backend, batch)]
    return max(plain, key=lambda row: (_usual_ways(row.setting.inference), _clock_rank(row)), default=None)


def _plain(inference: Inference, backend: str, batch: int) -> bool:
    usual = Inference(inference.network, backend, batch=batch)
    return (inference.backend, inference.precision, inference.batch) == (usual.backend, usual.precision, usual.batch)


def _usual_ways(inference: Inference) -> int:
    """How many of `graph`, `wait` and `period_s` have their default. A study may set them for all its settings."""
    usual = Inference(inference.network)
    return sum(getattr(inference, way) == getattr(usual, way) for way in ("graph", "wait", "period_s"))


def _clock_rank(row: Efficiency) -> tuple[float, ...]:
    clocks = row.setting.clocks
    return tuple(float("inf") if hz is None else hz for hz in (clocks.gpu_hz, clocks.cpu_hz, clocks.emc_hz))


def _trade_off(
    network: str,
    rows: Sequence[Efficiency],
    default: Efficiency | None,
    worth: Worth | None,
    quantile: LatencyStatistic,
    confidence: float,
    power_budget_w: float | None,
) -> TradeOff:
    metered = any(row.images_per_j is not None for row in rows)
    utilities = [(utility(row, worth, quantile, power_budget_w, metered=metered), row) for row in rows]
    candidates = [(value, row) for value, row in utilities if value]
    best = max(candidates, key=lambda pair: pair[0])[1] if candidates else None
    unknown = [row for value, row in utilities if value is None and row.windows]
    needs_power = metered or power_budget_w is not None
    without_power = tuple(row for row in unknown if needs_power and row.power_w is None)
    without_latency = tuple(row for row in unknown if not (needs_power and row.power_w is None))
    found = TradeOff(
        network, best, default, len(candidates), without_power=without_power, without_latency=without_latency
    )
    if best is None or default is None:
        return found
    # Bonferroni: with all comparisons at this confidence, any one of them may be picked after seeing the data.
    strict = 1 - (1 - confidence) / max(1, sum(row is not default for _, row in candidates))
    return dataclasses.replace(
        found,
        times_better=window_ratio(default, best, lambda window: window.energy_per_image_j, strict),
        throughput_ratio=window_ratio(best, default, lambda window: window.images_per_s, strict),
        latency_ratio=window_ratio(best, default, lambda window: window.p50_s, strict),
    )


def window_ratio(
    over: Efficiency, under: Efficiency, value_of: Callable[[Window], float | None], confidence: float
) -> Interval | None:
    """Return `value_of` in `over` / in `under`, paired by windows of the same repeat and placement; None without
    pairs.
    """
    lower, upper = (
        {(w.repeat, w.placement): value for w in row.windows if (value := value_of(w)) is not None}
        for row in (under, over)
    )
    shared = sorted(lower.keys() & upper.keys())
    if not shared:
        return None
    return paired_ratio(
        np.array([lower[key] for key in shared]), np.array([upper[key] for key in shared]), confidence
    )
