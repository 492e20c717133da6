"""Solo windows -> images per second and per joule of each setting of a network, and which setting is the best.

A setting is a network, batch, precision, runtime and clock point. Each block has one solo window, which gives one
value of each quantity. A row has the geometric mean over the blocks, with an interval.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from colocate.model.cell import Interval
from colocate.model.purpose import Aim, LatencyStatistic
from colocate.model.quality import QualityFlag, in_order
from colocate.model.request import ClockPoint, Inference, SweepSpec
from colocate.model.trial import Trial, TrialRecord
from colocate.study.interference import INTERVAL_MIN_BLOCKS
from colocate.study.stats import geometric_mean, known_quantiles, paired_ratio, sample_quantile
from colocate.study.windows import energies_j

# The worth of a latency in seconds, from 0 (useless) to 1 (as good as any).
Worth = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Setting:
    """How a network is run, and at which clocks."""

    inference: Inference
    clocks: ClockPoint


@dataclass(frozen=True, slots=True)
class Window:
    """The values of one solo window; None if unknown.

    Latencies are of one inference, that is of all images of the batch. Power and energy are the board's, with what it
    draws idle.
    """

    repeat: int
    placement: str
    images_per_s: float
    p50_s: float
    p99_s: float | None
    power_w: float | None
    energy_per_image_j: float | None
    p95_s: float | None = None


@dataclass(frozen=True, slots=True)
class Efficiency:
    """One setting over all its blocks. Without windows every quantity is None, and `failure` says why.

    `n` counts inferences. `p95_s` and `p99_s` are means over the windows with enough inferences to know them.
    """

    setting: Setting
    windows: tuple[Window, ...] = ()
    n: int = 0
    images_per_s: Interval | None = None
    p50_s: Interval | None = None
    p99_s: Interval | None = None
    power_w: Interval | None = None
    energy_per_image_j: Interval | None = None
    failure: str | None = None
    warnings: tuple[QualityFlag, ...] = ()
    p95_s: Interval | None = None

    @property
    def images_per_j(self) -> Interval | None:
        """Images per joule, which is images/s/W: the reciprocal of the energy per image. None if that is unknown."""
        energy_j = self.energy_per_image_j
        if energy_j is None:
            return None
        lo, hi = (None if end is None else 1 / end for end in (energy_j.hi, energy_j.lo))
        return Interval(1 / energy_j.value, lo, hi)


@dataclass(frozen=True, slots=True)
class TradeOff:
    """The `best` setting of a network, None if none is of use, and how it compares with the `default` one.

    The ratios are best over default, paired by repeat: `times_better` of images/s/W, `latency_ratio` of the p50.
    Their intervals are widened because the best is chosen among `candidates` settings. `undecided` are settings whose
    latency or power is unknown, so they could not be chosen.
    """

    network: str
    best: Efficiency | None
    default: Efficiency | None
    candidates: int
    times_better: Interval | None = None
    throughput_ratio: Interval | None = None
    latency_ratio: Interval | None = None
    undecided: tuple[Efficiency, ...] = ()


def efficiencies(
    records: Iterable[TrialRecord],
    spec: SweepSpec,
    failures: Iterable[tuple[Trial, str]] = (),
    confidence: float = 0.95,
) -> tuple[Efficiency, ...]:
    """Return one row per setting that has a solo window or a failed solo trial.

    Networks are in the order of `spec`, their settings ascending. `failures` are trials, each with its message. A
    failed trial that also has a record was run again and does not count. Windows beside a task are ignored. Raises
    ValueError for a network that `spec` does not name.
    """
    solo: defaultdict[Setting, list[TrialRecord]] = defaultdict(list)
    for record in sorted(records, key=lambda r: (r.trial.repeat, r.trial.block, r.trial.trial_id)):
        if (setting := _solo_setting(record.trial)) is not None:
            solo[setting].append(record)
    done = {record.trial.trial_id for own in solo.values() for record in own}
    messages: dict[Setting, str] = {}
    for trial, message in failures:
        if (setting := _solo_setting(trial)) is not None and trial.trial_id not in done:
            messages.setdefault(setting, message)
    networks = [asked.network for asked in spec.inferences]
    ordered = sorted({*solo, *messages}, key=lambda setting: _rank(networks, setting))
    return tuple(_row(setting, solo[setting], messages.get(setting), confidence) for setting in ordered)


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


def _solo_setting(trial: Trial) -> Setting | None:
    return None if trial.inference is None or trial.task else Setting(trial.inference, trial.clocks)


def _rank(networks: Sequence[str], setting: Setting) -> tuple[int | str | float, ...]:
    inference, clocks = setting.inference, setting.clocks
    # A clock left to its governor sorts before the steps.
    hz = [hz or 0 for hz in dataclasses.astuple(clocks)]
    return networks.index(inference.network), *inference.ways, *hz


def _clock_rank(row: Efficiency) -> tuple[float, ...]:
    clocks = row.setting.clocks
    return tuple(float("inf") if hz is None else hz for hz in (clocks.gpu_hz, clocks.cpu_hz, clocks.emc_hz))


def _row(setting: Setting, records: Sequence[TrialRecord], failure: str | None, confidence: float) -> Efficiency:
    windows = tuple(_window(record) for record in records if len(record.latencies_s))
    warnings = {warning for record in records for warning in record.warnings}
    if failure is not None:
        warnings.add(QualityFlag.TRIALS_FAILED)
    if records and len(windows) < INTERVAL_MIN_BLOCKS:
        warnings.add(QualityFlag.TOO_FEW_REPEATS)
    if any(window.p99_s is None for window in windows) or len(windows) < len(records):
        warnings.add(QualityFlag.TOO_FEW_FOR_P99)
    return Efficiency(
        setting=setting,
        windows=windows,
        n=sum(len(record.latencies_s) for record in records),
        images_per_s=_mean([window.images_per_s for window in windows], confidence),
        p50_s=_mean([window.p50_s for window in windows], confidence),
        p99_s=_mean([window.p99_s for window in windows], confidence),
        power_w=_mean([window.power_w for window in windows], confidence),
        energy_per_image_j=_mean([window.energy_per_image_j for window in windows], confidence),
        failure=failure,
        warnings=in_order(warnings),
        p95_s=_mean([window.p95_s for window in windows], confidence),
    )


def _window(record: TrialRecord) -> Window:
    assert record.trial.inference is not None, "a solo window has a network"
    images = len(record.latencies_s) * record.trial.inference.batch
    energy_j = energies_j(record)[0]
    # A meter that shows nothing or less is broken, and its record says so among its warnings.
    metered = energy_j if energy_j is not None and energy_j > 0 else None
    p95_s, p99_s = known_quantiles(record.latencies_s, (0.95, 0.99))
    return Window(
        repeat=record.trial.repeat,
        placement=record.trial.placement.name,
        images_per_s=images / record.elapsed_s,
        p50_s=sample_quantile(record.latencies_s, 0.50),
        p95_s=p95_s,
        p99_s=p99_s,
        power_w=None if metered is None else metered / record.elapsed_s,
        energy_per_image_j=None if metered is None else metered / images,
    )


def _mean(values: Sequence[float | None], confidence: float) -> Interval | None:
    present = [value for value in values if value is not None]
    return geometric_mean(np.array(present), confidence) if present else None


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
    unknown = [row for value, row in utilities if value is None]
    undecided = tuple(row for row in unknown if (row.images_per_j if metered else row.images_per_s) is not None)
    found = TradeOff(network, best, default, len(candidates), undecided=undecided)
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
