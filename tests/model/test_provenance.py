"""How far off a model is, by what a limit is about."""

from __future__ import annotations

import pytest

from colocate.model.limits import Quantity
from colocate.model.provenance import Provenance, PublishedCheck, PublishedQuantity


def check(quantity: PublishedQuantity, error_ratio: float) -> PublishedCheck:
    return PublishedCheck("figure", "source", "not fitted", quantity, 1.0, 1.0 + error_ratio, error_ratio)


def test_the_error_is_the_median_of_the_figures_that_are_of_the_kind_of_a_limit() -> None:
    found = Provenance(
        (),
        (
            *(check("power_w", error) for error in (-0.05, 0.01)),
            *(check("active_power_w", 0.03), check("peak_power_w", 0.5)),
            *(check("latency_s", -0.02), check("layer_s", 0.9)),
        ),
    )
    assert found.error_ratio(Quantity.POWER.kind) == pytest.approx(0.03)
    assert found.error_ratio(Quantity.LATENCY_P95.kind) == pytest.approx(0.02)
    assert (
        found.error_ratio(Quantity.SLOWDOWN_P95.kind) is None and found.error_ratio(Quantity.WORK_LOSS.kind) is None
    )
