"""Limits that make sense, and the scale on which a quantity is averaged."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.errors import SpecError
from colocate.model.limits import Limits, Quantity, parse_percentile
from colocate.model.written import WrittenFloat


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({}, "nothing to judge by"),
        ({"slo_s": 0.0}, "latency limit is 0"),
        ({"slo_s": math.nan}, "latency limit is nan"),
        ({"max_slowdown": 0.9}, "as in 1.2"),
        ({"power_budget_w": -1.0}, "power budget is -1"),
        ({"max_work_loss": 1.0}, "work loss is 1"),
        ({"slo_s": 1.0, "percentile": "p90"}, "percentile 'p90' is not one of p50, p95, p99, mean"),
        ({"slo_s": 1.0, "confidence": 95.0}, "confidence 95"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        Limits(**wrong)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        *(("p95", "p95"), ("P50", "p50"), (0.99, "p99"), ("95", "p95"), (50, "p50"), ("mean", "mean")),
        *(("0.5", "p50"), ("0.95", "p95"), (" 99 ", "p99"), (95.0, "p95"), (WrittenFloat("95e0"), "p95")),
    ],
)
def test_a_percentile_is_understood_however_it_is_written(said: str | float, meant: str) -> None:
    assert parse_percentile(said) == meant


@pytest.mark.parametrize("said", ["", "p90", 0.9, "median", "nan", 1, "p0.95"])
def test_what_is_no_percentile_is_refused(said: str | float) -> None:
    with pytest.raises(SpecError, match="not one of p50, p95, p99, mean"):
        parse_percentile(said)


@pytest.mark.parametrize(
    "said", ["\uff19\uff15", "\u0669\u0665", "p\uff19\uff15", "9_5", "95e0", "+95", "0.9_5", "1_0e-1", "95\x00"]
)
def test_a_text_is_a_name_and_not_whatever_python_reads_as_that_number(said: str) -> None:
    with pytest.raises(SpecError, match="not one of p50, p95, p99, mean"):
        parse_percentile(said)


def test_limits_are_for_the_percentile_asked_for() -> None:
    every = Limits(slo_s=1.0, max_slowdown=1.2, percentile="p99", power_budget_w=9.0, max_work_loss=0.1)
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


def test_a_task_that_keeps_next_to_nothing_loses_all() -> None:
    loss = Quantity.WORK_LOSS
    assert [loss.exp(loss.log(value)) for value in (1.0, 0.9995, 0.999)] == [1.0] * 3
    assert [loss.exp(loss.log(value)) for value in (0.99, 0.0, -0.5)] == pytest.approx([0.99, 0.0, -0.5])
    assert loss.log(1.0) > loss.log(0.998)
