"""What a run of `colocate efficiency` shows: efficiency.csv, and the choice of a setting in words."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError
from rich.table import Table
from rich.text import Text

from colocate.errors import SpecError, StoreError
from colocate.report.labels import clocks_text, machine_words, plain, ratio_text, three_digits
from colocate.report.tables import Value, console, doubt_numbers, interval_columns
from colocate.spec import Request, study_file
from colocate.store import Failure, Header
from colocate.study.efficiency import Aim, Efficiency, Quantile, TradeOff, efficiencies, trade_offs
from colocate.study.model import Inference, Interval, SweepSpec, TrialRecord

QUANTILE_WORDS: Mapping[Quantile, str] = {"p50_s": "p50", "p99_s": "p99"}
# Ends further apart than so are told one by one: the intervals are even in the logarithm alone.
_WIDE_RATIO = 1.5
# From here on a table holds the intervals of all quantities.
_WIDE_COLUMNS = 110
_aim = TypeAdapter(Aim)


@dataclass(frozen=True, slots=True)
class EfficiencyReport:
    """Every setting, and for each network the best of them under `aim`."""

    aim: Aim
    rows: tuple[Efficiency, ...]
    trade_offs: tuple[TradeOff, ...]


def efficiency_of(
    header: Header, records: Sequence[TrialRecord], failures: Sequence[Failure], changes: Mapping[str, Any]
) -> EfficiencyReport | None:
    """None for a run of another command. `changes` replace fields of the aim that is stored with the run.

    Raises StoreError where the header is damaged, SpecError for changes to a run that has no aim.
    """
    if header.purpose.get("command") != "efficiency":
        if changes:
            raise SpecError("only a run of `colocate efficiency` has settings to choose from; see colocate advise")
        return None
    try:
        aim = _aim.validate_python({**header.purpose["aim"], **changes})
        default_backend = str(header.purpose["default_backend"])
    except (ValidationError, KeyError, TypeError) as error:
        raise StoreError("the run is damaged: it does not say what its settings are compared by") from error
    spec: SweepSpec = header.spec
    rows = efficiencies(records, spec, [(failure.trial, failure.message) for failure in failures])
    return EfficiencyReport(aim, rows, trade_offs(rows, aim.worth, aim.quantile, default_backend))


def setting_row(row: Efficiency, report: EfficiencyReport) -> Mapping[str, Value]:
    """One setting under the columns of efficiency.csv; absent is None."""
    inference, clocks = row.setting.inference, row.setting.clocks
    return {
        "network": inference.network,
        "backend": inference.backend,
        "precision": inference.precision,
        "batch": inference.batch,
        "cpu_hz": clocks.cpu_hz,
        "gpu_hz": clocks.gpu_hz,
        "emc_hz": clocks.emc_hz,
        "n": row.n,
        "blocks": len(row.windows),
        **interval_columns("images_per_s", row.images_per_s),
        **interval_columns("p50_s", row.p50_s),
        **interval_columns("p99_s", row.p99_s),
        **interval_columns("power_w", row.power_w),
        **interval_columns("images_per_s_per_w", row.images_per_j),
        **interval_columns("energy_per_image_j", row.energy_per_image_j),
        "best": int(any(found.best is row for found in report.trade_offs)),
        "default": int(any(found.default is row for found in report.trade_offs)),
        "failure": row.failure,
        "doubts": ";".join(doubt.value for doubt in row.doubts),
        "graph": int(inference.graph),
        "wait": inference.wait,
    }


def trade_off_row(found: TradeOff) -> Mapping[str, Any]:
    """One choice for `--json`: the setting, and the ratios best over default with their intervals."""
    best = None if found.best is None else found.best.setting
    return {
        "network": found.network,
        "best": best and {
            "backend": best.inference.backend, "precision": best.inference.precision, "batch": best.inference.batch,
            "cpu_hz": best.clocks.cpu_hz, "gpu_hz": best.clocks.gpu_hz, "emc_hz": best.clocks.emc_hz,
        },
        **interval_columns("times_better", found.times_better),
        **interval_columns("throughput_ratio", found.throughput_ratio),
        **interval_columns("latency_ratio", found.latency_ratio),
        "candidates": found.candidates,
        "undecided": len(found.undecided),
    }  # fmt: skip


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
    *parts, clocks = _setting_parts(row)
    return " ".join(parts) + ("" if clocks == "native clocks" else f", {clocks}")


def _setting_parts(row: Efficiency) -> tuple[str, ...]:
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
                "lengthen --window, or take --quantile p50"
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


# Told by the best settings, or for a study of tasks to say.
_CHOSEN_ANEW = frozenset((
    "networks", "stressors", "backend", "precision", "batch", "graph", "wait", "period_ms", "cpu_clocks",
    "gpu_clocks", "repeats",
))  # fmt: skip


def best_study(report: EfficiencyReport, header: Header) -> str | None:
    """A study file that runs each network at its best setting beside tasks, otherwise as it was run here.

    A limit that the settings must keep is the study's. Clocks are of all networks: the file says so where they
    differ. None where no setting is the best.
    """
    best = [found.best.setting for found in report.trade_offs if found.best is not None]
    if not best:
        return None
    aim = report.aim
    request: dict[str, Any] = {key: value for key, value in header.request.items() if key not in _CHOSEN_ANEW}
    # The tail that an aim asked for takes windows no shorter than these.
    request["window"] = max(header.spec.window_s, Request().window)
    request["networks"] = [_network_keys(setting.inference) for setting in best]
    for key, clocks in (("cpu_clocks", "cpu_hz"), ("gpu_clocks", "gpu_hz")):
        steps = sorted({getattr(setting.clocks, clocks) for setting in best}, key=lambda hz: hz or 0)
        request[key] = ["native" if hz is None else hz / 1e6 for hz in steps]
    if aim.latency_limit_s is not None and aim.utility == "within":
        request["slo_ms"] = 1e3 * aim.latency_limit_s
        request["quantile"] = 0.5 if aim.quantile == "p50_s" else 0.99
    lines = [f"# The best settings for {aim_words(aim)}."]
    if len({setting.clocks for setting in best}) > 1:
        lines.append("# Every network runs at the clocks of all; its own are those of:")
        lines += [f"#   {plain(setting.inference.network)}: {clocks_text(setting.clocks)}" for setting in best]
    return "\n".join([*lines, study_file(request), ""])


def _network_keys(inference: Inference) -> Mapping[str, Any]:
    """What a study file says of a network, as far as it is not what it would be anyway."""
    usual = Inference(inference.network)
    ways = {
        way: getattr(inference, way) for way in ("graph", "wait") if getattr(inference, way) != getattr(usual, way)
    }
    if inference.period_s is not None:
        ways["period_ms"] = 1e3 * inference.period_s
    settings = {name: getattr(inference, name) for name in ("network", "backend", "precision", "batch")}
    return {**settings, **ways}


def print_efficiency(report: EfficiencyReport, header: Header, done: int) -> None:
    """Every setting, one a line, for a person, and the choice for each network."""
    out = console()
    parts = [_setting_parts(row) for row in report.rows]
    shared = {part for part in set().union(*parts) if all(part in each for each in parts)}
    title = ", ".join([machine_words(header.facts), f"{done} of {header.planned} trials", *sorted(shared)])
    out.print(Text(title))
    numbers = doubt_numbers(report.rows)
    narrow = out.width < _WIDE_COLUMNS
    for network, rows in itertools.groupby(report.rows, lambda row: row.setting.inference.network):
        table = Table(title=Text(plain(network)), title_justify="left", box=None, padding=(0, 1, 0, 0))
        table.add_column("setting", overflow="fold")
        for name in ("images/s", "p50 ms", "p99 ms", "W", "images/s/W", "J/image", "", "doubts"):
            table.add_column(name, justify="right", no_wrap=True)
        for row in rows:
            quantities = (
                (row.images_per_s, 1, narrow), (row.p50_s, 1e3, narrow), (row.p99_s, 1e3, narrow),
                (row.power_w, 1, narrow), (row.images_per_j, 1, False), (row.energy_per_image_j, 1, narrow),
            )  # fmt: skip
            table.add_row(
                Text(" ".join(part for part in _setting_parts(row) if part not in shared)),
                *(_quantity_words(interval, scale, alone=alone) for interval, scale, alone in quantities),
                _standing(row, report),
                " ".join(numbers[doubt] for doubt in row.doubts),
            )
        out.print(table)
        out.print()
    others = " Those of the other quantities are in efficiency.csv." if narrow else ""
    out.print(f"± is half a 95 % interval over blocks.{others}", highlight=False)
    out.print(Text(f"Best for {aim_words(report.aim)}:"))
    for found in report.trade_offs:
        out.print(Text(f"  {plain(found.network)}: {trade_off_words(found, report)}"), soft_wrap=True)
    failed = sum(row.failure is not None and not row.windows for row in report.rows)
    if failed:
        out.print(f"{failed} of {len(report.rows)} settings failed: see efficiency.csv", highlight=False)
    for doubt, number in numbers.items():
        out.print(f"{number}  {doubt.value}: {doubt.remedy}", highlight=False, soft_wrap=True)


def _standing(row: Efficiency, report: EfficiencyReport) -> str:
    if row.failure is not None and not row.windows:
        return "failed"
    words = [word for word in ("best", "default") if any(getattr(f, word) is row for f in report.trade_offs)]
    return ", ".join(words)


def _times(ratio: Interval) -> str:
    if ratio.lo is None or ratio.hi is None:
        return ratio_text(ratio.value)
    return f"{ratio_text(ratio.value)} [{ratio_text(ratio.lo)}, {ratio_text(ratio.hi)}]"


def _quantity_words(interval: Interval | None, scale: float, *, alone: bool = False) -> str:
    """A quantity with half the width of its interval, `47.1 ±0.31`, or where that is wide and uneven with its ends:
    `47 [20, 110]`; `alone` without either; empty where it is absent.
    """
    if interval is None:
        return ""
    value = three_digits(scale * interval.value)
    if alone or interval.lo is None or interval.hi is None:
        return value
    if interval.hi > _WIDE_RATIO * interval.lo:
        return f"{value} [{three_digits(scale * interval.lo)}, {three_digits(scale * interval.hi)}]"
    half = scale * (interval.hi - interval.lo) / 2
    # Two digits say how wide it is, however narrow.
    decimals = max(0, 1 - math.floor(math.log10(half))) if half else 0
    return f"{value} ±{half:.{decimals}f}"
