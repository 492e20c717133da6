"""The choice of a setting in words."""

from __future__ import annotations

from collections.abc import Mapping

from colocate.model.cell import Interval
from colocate.model.purpose import Aim, LatencyStatistic
from colocate.report.efficiency.load import EfficiencyReport
from colocate.report.text.labels import clocks_text, plain
from colocate.report.text.numbers import ratio_text
from colocate.study.efficiency import Efficiency, TradeOff

QUANTILE_WORDS: Mapping[LatencyStatistic, str] = {"p50_s": "p50", "p95_s": "p95", "p99_s": "p99"}


def aim_words(aim: Aim) -> str:
    """What was asked for: `most images/s/W with a p99 latency of at most 30 ms`."""
    if aim.latency_limit_s is None:
        return "most images/s/W"
    latency = f"{QUANTILE_WORDS[aim.quantile]} latency"
    limit = f"{1e3 * aim.latency_limit_s:g} ms"
    if aim.utility == "within":
        return f"most images/s/W with a {latency} of at most {limit}"
    return f"most images/s/W x min(1, {limit} / {latency})"


def setting_words(row: Efficiency) -> str:
    """`tensorrt fp16 batch 8, 1734/998.4 MHz`."""
    *parts, clocks = setting_parts(row)
    return " ".join(parts) + ("" if clocks == "native clocks" else f", {clocks}")


def setting_parts(row: Efficiency) -> tuple[str, ...]:
    """Runtime, precision, batch and clocks."""
    inference, clocks = row.setting.inference, clocks_text(row.setting.clocks)
    return (
        plain(inference.backend),
        plain(inference.precision),
        f"batch {inference.batch}",
        "native clocks" if clocks == "native" else clocks,
    )


def trade_off_words(found: TradeOff, report: EfficiencyReport) -> str:
    """The choice for one network, and how much better it is than the default setting."""
    aim = report.aim
    own = [row for row in report.rows if row.setting.inference.network == found.network]
    if found.best is None:
        if found.undecided:
            return (
                f"no choice. {len(found.undecided)} settings have no {QUANTILE_WORDS[aim.quantile]}: "
                "lengthen --window, or take --percentile p50"
            )
        metered = any(row.images_per_j is not None for row in own)
        return "no setting keeps the limit" if metered else "no choice without a meter of power"
    words = setting_words(found.best)
    if found.best is found.default:
        return f"{words}, which is the default setting"
    unknown = f"; {len(found.undecided)} settings without a {QUANTILE_WORDS[aim.quantile]} were no candidates"
    left_out = unknown if found.undecided else ""
    if found.times_better is None or found.default is None:
        return f"{words}; the default setting has no numbers to compare it with{left_out}"
    ratios = "".join(
        f"; {what} x {_times(ratio)}"
        for what, ratio in (("images/s", found.throughput_ratio), ("latency", found.latency_ratio))
        if ratio is not None
    )
    return f"{words}: {_times(found.times_better)} times better than {setting_words(found.default)}{ratios}{left_out}"


def _times(ratio: Interval) -> str:
    if ratio.lo is None or ratio.hi is None:
        return ratio_text(ratio.value)
    return f"{ratio_text(ratio.value)} [{ratio_text(ratio.lo)}, {ratio_text(ratio.hi)}]"
