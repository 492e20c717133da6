"""Limits that make sense, and the scale on which a quantity is averaged."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.errors import SpecError
from colocate.model.limits import Limits, Quantity


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({}, "nothing to judge by"),
        ({"slo_s": 0.0}, "latency limit is 0"),
        ({"slo_s": math.nan}, "latency limit is nan"),
        ({"max_slowdown": 0.9}, "as in 1.2"),
        ({"power_budget_w": -1.0}, "power budget is -1"),
        ({"max_work_loss": 1.0}, "work loss is 1"),
        ({"slo_s": 1.0, "quantile": 0.9}, "quantile 0.9 is not one of 0.5, 0.95, 0.99"),
        ({"slo_s": 1.0, "confidence": 95.0}, "confidence 95"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(wrong: dict[str, float], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        Limits(**wrong)


def test_limits_are_for_the_quantile_asked_for() -> None:
    every = Limits(slo_s=1.0, max_slowdown=1.2, quantile=0.99, power_budget_w=9.0, max_work_loss=0.1)
    assert every.by_quantity == {
        Quantity.LATENCY_P99: 1.0, Quantity.SLOWDOWN_P99: 1.2, Quantity.POWER: 9.0, Quantity.WORK_LOSS: 0.1
    }  # fmt: skip


@given(st.sampled_from(Quantity), st.floats(1e-6, 0.999), st.floats(1e-6, 0.999))
def test_the_scale_of_averaging_rises_and_leads_back(quantity: Quantity, a: float, b: float) -> None:
    assert quantity.exp(quantity.log(a)) == pytest.approx(a)
    if a < b:
        assert quantity.log(a) < quantity.log(b)
    assert (
        quantity.end(float("nan")) is None
        and quantity.end(1e6 if quantity is not Quantity.WORK_LOSS else -1e6) is None
    )
