"""How far off a model is, by what a limit is about."""

from __future__ import annotations

import pytest

from colocate.model.limits import Quantity
from colocate.model.provenance import Provenance, PublishedCheck, PublishedQuantity, PublishedRole


def check(
    quantity: PublishedQuantity, error_ratio: float, rail: str = "", role: PublishedRole = "not fitted"
) -> PublishedCheck:
    return PublishedCheck("figure", "source", role, quantity, 1.0, 1.0 + error_ratio, error_ratio, rail)


def test_the_error_is_that_of_the_figures_of_the_kind_that_the_model_was_not_fitted_to() -> None:
    powers = [check("power_w", error) for error in (-0.05, 0.01)]
    found = Provenance(
        (),
        (
            *(*powers, check("active_power_w", 0.03), check("peak_power_w", 0.5)),
            *(check("latency_s", -0.02), check("layer_s", 0.9)),
            *(check("power_w", 0.8, role="calibration"), check("latency_s", 0.7, role="calibration")),
        ),
    )
    power, latency = (found.error_of(each.kind) for each in (Quantity.POWER, Quantity.LATENCY_P95))
    assert power is not None and latency is not None
    assert (power.name, power.values, latency.name, latency.values) == ("power", 3, "latency", 1)
    assert power.median_ratio == pytest.approx(0.03) and power.worst_ratio == pytest.approx(0.05)
    assert latency.median_ratio == latency.worst_ratio == pytest.approx(0.02)
    assert found.error_of(Quantity.SLOWDOWN_P95.kind) is None and found.error_of(Quantity.WORK_LOSS.kind) is None


def test_a_figure_that_was_fitted_to_tests_nothing() -> None:
    assert Provenance((), (check("power_w", 0.1, role="calibration"),)).error_of("power") is None


def test_of_powers_those_of_the_board_count_where_there_are_any() -> None:
    rails = [check("active_power_w", 0.5, "VDD_GPU"), check("active_power_w", 0.4, "VDD_CPU")]
    of_rails = Provenance((), tuple(rails)).error_of("power")
    found = Provenance((), (*rails, check("active_power_w", -0.1, "VDD_IN"))).error_of("power")
    assert of_rails is not None and (of_rails.name, of_rails.values) == ("power", 2)
    assert found is not None and (found.name, found.values) == ("board power", 1)
    assert found.median_ratio == pytest.approx(0.1)


def test_images_per_second_are_a_latency_turned_round() -> None:
    found = Provenance((), (check("latency_s", 0.01), check("images_per_s", 0.03))).error_of("latency")
    assert found is not None and found.name == "latency and throughput"
    assert found.median_ratio == pytest.approx(0.02)
