"""The choice of a setting in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from colocate.model.cell import Interval
from colocate.model.purpose import Aim, LatencyStatistic
from colocate.report.efficiency.load import EfficiencyReport
from colocate.report.text.labels import clocks_text, plain
from colocate.report.text.numbers import counted, ratio_text, three_digits
from colocate.study.efficiency import Efficiency
from colocate.study.trade_offs import TradeOff

QUANTILE_WORDS: Mapping[LatencyStatistic, str] = {"p50_s": "p50", "p95_s": "p95", "p99_s": "p99"}


def aim_words(aim: Aim) -> str:
    """What settings are chosen for, as in `most images/s/W with a p99 latency of at most 30 ms, at most 9 W`."""
    budget = "" if aim.power_budget_w is None else f", at most {aim.power_budget_w:g} W"
    if aim.latency_limit_s is None:
        return f"most images/s/W{budget}"
    latency = f"{QUANTILE_WORDS[aim.quantile]} latency"
    limit = f"{1e3 * aim.latency_limit_s:g} ms"
    if aim.utility == "within":
        return f"most images/s/W with a {latency} of at most {limit}{budget}"
    return f"most images/s/W x min(1, {limit} / {latency}){budget}"


def setting_words(row: Efficiency) -> str:
    """A setting, as in `tensorrt fp16 batch 8, 1734/998.4 MHz`; native clocks are not named."""
    *parts, clocks = setting_parts(row)
    return " ".join(parts) + ("" if clocks == "native clocks" else f", {clocks}")


def setting_parts(row: Efficiency) -> tuple[str, ...]:
    """The runtime, precision, batch and clocks of a setting."""
    inference, clocks = row.setting.inference, clocks_text(row.setting.clocks)
    return (
        plain(inference.backend),
        plain(inference.precision),
        f"batch {inference.batch}",
        "native clocks" if clocks == "native" else clocks,
    )


def trade_off_words(found: TradeOff, report: EfficiencyReport) -> str:
    """The choice for one network, and how much better it is than the default setting."""
    best, default = found.best, found.default
    if best is None:
        return _why_none(found, report)
    words = f"{setting_words(best)}: {_numbers(best, report.aim)}"
    if best.images_per_j is None:
        words += "; the fastest, as no power was metered"
    left_out = _left_out(found.without_power, "power") + _left_out(found.without_latency, _latency(report.aim))
    if best is default:
        return f"{words}; this is the default setting{left_out}"
    if default is None or (found.times_better is None and found.throughput_ratio is None):
        return f"{words}; the default setting has no numbers to compare it with{left_out}"
    ratios = [
        f"{what} x {_times(ratio)}"
        for what, ratio in (
            ("images/s/W", found.times_better), ("images/s", found.throughput_ratio), ("latency", found.latency_ratio)
        )
        if ratio is not None
    ]  # fmt: skip
    return f"{words}; over the default, {setting_words(default)}: {', '.join(ratios)}{left_out}"


def _numbers(best: Efficiency, aim: Aim) -> str:
    """The numbers of the best setting; latency and power are followed by their limits."""
    latency: Interval | None = getattr(best, aim.quantile)
    limit = "" if aim.latency_limit_s is None else f" (limit {1e3 * aim.latency_limit_s:g})"
    budget = "" if aim.power_budget_w is None else f" (limit {aim.power_budget_w:g})"
    found = (
        (best.images_per_s, 1.0, "{} images/s"),
        (latency, 1e3, f"{QUANTILE_WORDS[aim.quantile]} {{}} ms{limit}"),
        (best.power_w, 1.0, f"{{}} W{budget}"),
        (best.images_per_j, 1.0, "{} images/s/W"),
    )
    return ", ".join(
        words.format(three_digits(scale * quantity.value)) for quantity, scale, words in found if quantity is not None
    )


def _why_none(found: TradeOff, report: EfficiencyReport) -> str:
    aim = report.aim
    own = [row for row in report.rows if row.setting.inference.network == found.network]
    if aim.power_budget_w is not None and all(row.power_w is None for row in own):
        return "no choice: power was not metered, so no setting is known to keep the power budget"
    if unknown := found.without_latency:
        settings = f"{counted(len(unknown), 'setting')} without {_latency(aim)}"
        return f"no choice. {settings}: lengthen --window, or take --percentile p50"
    if all(row.images_per_s is None for row in own):
        return "no setting succeeded"
    return "no setting keeps the limit" + _left_out(found.without_power, "power")


def _latency(aim: Aim) -> str:
    return f"a {QUANTILE_WORDS[aim.quantile]}"


def _left_out(settings: Sequence[Efficiency], quantity: str) -> str:
    return f"; {counted(len(settings), 'setting')} without {quantity} left out" if settings else ""


def _times(ratio: Interval) -> str:
    if ratio.lo is None or ratio.hi is None:
        return ratio_text(ratio.value)
    return f"{ratio_text(ratio.value)} [{ratio_text(ratio.lo)}, {ratio_text(ratio.hi)}]"
