"""Limits by their keys, and those of a run overridden key by key."""

from __future__ import annotations

import itertools

import pytest

from colocate.errors import SpecError
from colocate.model.limits import Limits
from colocate.request.limit_keys import DROPPABLE, LIMIT_KEYS, LimitChanges, make_limits

KEYS = {
    "slo_ms": 30.0, "max_slowdown": 1.2, "percentile": "p99", "power_budget_w": 9.0, "max_work_loss": 0.5,
    "confidence": 0.9,
}  # fmt: skip
STUDY = Limits(0.03, 1.2, "p99", 9.0, 0.5, 0.9)
OTHER = {
    "slo_ms": 28.0, "max_slowdown": 1.5, "percentile": "mean", "power_budget_w": 7.0, "max_work_loss": 0.1,
    "confidence": 0.99,
}  # fmt: skip


def test_keys_become_limits_and_none_of_them_none() -> None:
    assert make_limits(KEYS) == STUDY and KEYS.keys() == {*LIMIT_KEYS}
    assert make_limits({}) is make_limits({"slo_ms": None}) is None
    assert make_limits({"slo_ms": 30}) == Limits(slo_s=0.03)


@pytest.mark.parametrize(("one", "other"), [*itertools.combinations(LIMIT_KEYS, 2)])
def test_limits_are_overridden_key_by_key(one: str, other: str) -> None:
    for changed in ({one: OTHER[one]}, {one: OTHER[one], other: OTHER[other]}):
        assert LimitChanges(changed).over(STUDY) == make_limits({**KEYS, **changed})
    assert LimitChanges().over(STUDY) == STUDY


@pytest.mark.parametrize("key", DROPPABLE)
def test_one_limit_is_dropped_and_the_others_stay(key: str) -> None:
    assert LimitChanges(without=[key]).over(STUDY) == make_limits({**KEYS, key: None})
    assert LimitChanges(without=[key]).over(make_limits({key: KEYS[key]})) is None
    assert LimitChanges(without=[key]).over(None) is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (LimitChanges({"slo_mss": 1}), "unknown limit 'slo_mss'; did you mean 'slo_ms'"),
        (LimitChanges(without=["power_budget"]), "unknown limit 'power_budget'; did you mean 'power_budget_w'"),
        (LimitChanges(without=["percentile"]), "unknown limit 'percentile'"),
        (LimitChanges({"slo_ms": 1}, ["slo_ms"]), "slo_ms: it is both given and dropped"),
        (LimitChanges({"slo_ms": "1"}), "slo_ms: give a number, not '1'"),
        (LimitChanges({"percentile": "p99"}), "percentile: it does nothing without slo_ms or max_slowdown"),
        (LimitChanges({"confidence": 0.9}), "nothing to judge by"),
        (LimitChanges({"percentile": "p50", "power_budget_w": 9.0}), "percentile: it does nothing without slo_ms"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: LimitChanges, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        changes.over(None)


def test_the_same_changes_are_asked_for_as_flags() -> None:
    changes = LimitChanges({"slo_ms": 28.0, "percentile": "p99", "confidence": 0.9}, ["power_budget_w"])
    assert changes.flags() == [
        "--slo-ms", "28", "--percentile", "p99", "--confidence", "0.9", "--without", "power-budget-w",
    ]  # fmt: skip
    assert LimitChanges({"slo_ms": None}).flags() == []
