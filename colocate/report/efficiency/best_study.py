"""best.toml: a study that runs the best settings beside tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from colocate.model.request import CLOCK_AXES, Inference
from colocate.report.efficiency.load import EfficiencyReport
from colocate.report.efficiency.words import aim_words
from colocate.report.text.labels import clocks_text, plain
from colocate.request.study_file import study_file
from colocate.request.study_keys import StudyKeys
from colocate.store.run_file import Header

# Keys that the best settings give, or that a study of tasks has its own values for.
_CHOSEN_ANEW = frozenset((
    "networks", "stressors", "backend", "precision", "batch", "graph", "wait", "period_ms", "cpu_clocks",
    "gpu_clocks", "emc_clocks", "repeats",
))  # fmt: skip


def best_study(report: EfficiencyReport, header: Header) -> str | None:
    """A study file that runs each network at its best setting beside tasks; None if no network has a best setting.

    All else is as in this run. The study has the limits that the settings must keep. Its clocks apply to all
    networks; if the best clocks of networks differ, a comment in the file names them.
    """
    best = [found.best.setting for found in report.trade_offs if found.best is not None]
    if not best:
        return None
    aim = report.aim
    request: dict[str, Any] = {key: value for key, value in header.request.items() if key not in _CHOSEN_ANEW}
    # Not shorter than in this run: the percentile of the aim may need that.
    request["window"] = max(header.spec.window_s, StudyKeys().window)
    request["networks"] = [_network_keys(setting.inference) for setting in best]
    for axis in CLOCK_AXES:
        steps = sorted({setting.clocks.by_axis[axis] for setting in best}, key=lambda hz: hz or 0)
        request[f"{axis}_clocks"] = ["native" if hz is None else hz / 1e6 for hz in steps]
    if aim.latency_limit_s is not None and aim.utility == "within":
        request["slo_ms"] = 1e3 * aim.latency_limit_s
        request["percentile"] = aim.quantile.removesuffix("_s")
    if aim.power_budget_w is not None:
        request["power_budget_w"] = aim.power_budget_w
    lines = [f"# The best settings for {aim_words(aim)}."]
    if len({setting.clocks for setting in best}) > 1:
        lines.append("# Every network runs at the clocks of all; its own are those of:")
        lines += [f"#   {plain(setting.inference.network)}: {clocks_text(setting.clocks)}" for setting in best]
    return "\n".join([*lines, study_file(request), ""])


def _network_keys(inference: Inference) -> Mapping[str, Any]:
    """The keys of one network in a study file, without a `graph`, `wait` or period that is the default."""
    usual = Inference(inference.network)
    ways = {
        way: getattr(inference, way) for way in ("graph", "wait") if getattr(inference, way) != getattr(usual, way)
    }
    if inference.period_s is not None:
        ways["period_ms"] = 1e3 * inference.period_s
    settings = {name: getattr(inference, name) for name in ("network", "backend", "precision", "batch")}
    return {**settings, **ways}
