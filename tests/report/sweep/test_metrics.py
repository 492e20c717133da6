"""What heatmaps can show of a cell."""

from __future__ import annotations

import dataclasses

import pytest

from colocate.model.cell import Interval
from colocate.model.containment import Containment
from colocate.model.limits import Quantity
from colocate.model.quality import QualityFlag
from colocate.report.sweep.metrics import METRICS, Metric, Scale, containment_metrics, latency_metric
from colocate.study.evidence import Evidence
from tests.report.drawn import cell

FULL = cell(
    slowdown_p50=Interval(1.1, 1.0, 1.2), slowdown_mean=Interval(1.2, 1.1, 1.3), slowdown_p99=Interval(1.3, 1.2, 1.4),
    power_w=8.25, energy_per_inference_j=0.0625, work_loss_ratio=Interval(0.125, None, None),
)  # fmt: skip


def test_each_metric_shows_its_own_quantity() -> None:
    shown = {metric.name: metric.value_of(FULL) for metric in METRICS}
    assert shown == {
        "slowdown-p50": FULL.slowdown_p50, "slowdown-mean": FULL.slowdown_mean, "slowdown-p99": FULL.slowdown_p99,
        "power": 8.25, "energy-per-inference": 0.0625, "work-loss": FULL.work_loss_ratio,
    }  # fmt: skip


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_each_metric_names_itself_in_its_title_and_its_colours(metric: Metric) -> None:
    assert metric.title[0].isupper() and not metric.bar[0].isupper()
    of_ratio = metric.name.startswith("slowdown")
    assert (metric.scale is Scale.RATIO) == of_ratio == (metric.scale.origin == 1.0)
    assert not of_ratio or QualityFlag.TRIALS_FAILED in metric.causes


def test_values_are_written_as_their_kind_is_everywhere() -> None:
    p50, _, _, power, _, work_loss = METRICS
    assert (p50.text(1.134), power.text(8.123), work_loss.text(-0.004)) == ("1.134", "8.12", "0 %")


def test_containments_are_shown_by_what_both_sides_get() -> None:
    idle = cell(containment=Containment(idle=True), slowdown_p95=Interval(1.4, 1.3, 1.5), power_w=8.5)
    evidence = [Evidence(each, {}, {}, {}, work_share=share) for each, share in ((FULL, 0.9), (idle, 0.25))]
    metrics = {metric.name: metric for metric in containment_metrics(evidence)}
    assert {name: metric.value_of(idle) for name, metric in metrics.items()} == {
        "slowdown-mean": None, "slowdown-p95": idle.slowdown_p95, "work-kept": 0.25, "power": 8.5,
    }  # fmt: skip
    assert metrics["work-kept"].value_of(FULL) == 0.9 and metrics["work-kept"].scale.origin is None


def test_power_and_energy_have_their_intervals_and_changes() -> None:
    p50, _, _, power, energy, _ = METRICS
    change = Interval(1.1, 1.05, 1.15)
    metered = dataclasses.replace(
        FULL, power_ends_w=(8.0, 8.5), energy_ends_j=(0.06, 0.065), power_ratio=change, energy_ratio=change
    )
    assert power.value_of(metered) == Interval(8.25, 8.0, 8.5) and power.change_of(metered) == change
    assert energy.value_of(metered) == Interval(0.0625, 0.06, 0.065) and energy.change_of(metered) == change
    assert p50.change_of(metered) is None


def test_latencies_are_averaged_over_the_repeats_in_ms() -> None:
    one = Evidence(FULL, {Quantity.LATENCY_P50: {0: 0.010, 1: 0.0121}}, {}, {})
    p50, p95, mean = (latency_metric([one], statistic) for statistic in ("p50", "p95", "mean"))
    found = p50.value_of(FULL)
    assert isinstance(found, Interval) and found.value == pytest.approx(11.0) and found.lo is not None
    assert p50.change_of(FULL) == FULL.slowdown_p50
    assert p95.value_of(FULL) is None and mean.value_of(FULL) is None
    assert mean.change_of(FULL) == FULL.slowdown_mean
    assert p95.value_of(dataclasses.replace(FULL, p95_s=0.02)) == pytest.approx(20.0)
