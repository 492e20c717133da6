"""Limits as the aim of a run of networks alone."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from colocate.errors import SpecError
from colocate.model.purpose import Aim
from colocate.request.aim_keys import aim_fields, changed_aim
from colocate.request.limit_keys import LimitChanges


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({}, {}),
        ({"slo_ms": 500.0, "percentile": None}, {"latency_limit_s": 0.5}),
        ({"percentile": "95"}, {"quantile": "p95_s"}),
        ({"percentile": "p50"}, {"quantile": "p50_s"}),
        ({"power_budget_w": 9}, {"power_budget_w": 9.0}),
    ],
)
def test_what_is_given_becomes_fields_of_an_aim(given: dict[str, Any], fields: dict[str, Any]) -> None:
    assert aim_fields(LimitChanges(given)) == fields
    assert fields.keys() <= Aim.__dataclass_fields__.keys()


def test_a_limit_that_is_dropped_is_none() -> None:
    assert aim_fields(LimitChanges(without=["slo_ms"])) == {"latency_limit_s": None}
    assert aim_fields(LimitChanges(without=["power_budget_w"])) == {"power_budget_w": None}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            LimitChanges({"max_slowdown": 2.0}),
            "max_slowdown: networks without tasks are judged by slo_ms, perc",
        ),
        (LimitChanges({"power_budget_w": 0.0}), "power_budget_w: the power budget must be above 0, not 0"),
        (LimitChanges({"slo_ms": 0.0}), "slo_ms: the latency limit must be above 0, not 0"),
        (LimitChanges({"percentile": "mean"}), "chosen by one of p50, p95, p99, not 'mean'"),
        (LimitChanges({"percentile": "p90"}), "percentile 'p90' is not one of"),
    ],
)
def test_what_settings_are_not_chosen_by_is_refused(changes: LimitChanges, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        aim_fields(changes)


def test_a_utility_is_about_a_latency_limit() -> None:
    limited = Aim(latency_limit_s=0.03)
    assert changed_aim(Aim(), {"utility": "fading", "latency_limit_s": 0.03}).utility == "fading"
    assert changed_aim(limited, {"utility": "fading"}) == dataclasses.replace(limited, utility="fading")
    for aim, changes in ((Aim(), {}), (limited, {"latency_limit_s": None})):
        with pytest.raises(SpecError, match=r"^utility: it does nothing without slo_ms;"):
            changed_aim(aim, {"utility": "fading", **changes})
