"""Keys that do nothing without another, by the mechanism and in a study."""

from __future__ import annotations

from typing import Any

import pytest

from colocate.errors import SpecError
from colocate.request.needs import check_needs, flag_of
from colocate.request.spec import make_spec


def test_what_is_missing_is_named() -> None:
    needs = {"a": (("b",), ("c", "d", "e_f"))}
    check_needs({"b": 1}, needs)
    check_needs({"a": False, "b": None}, needs)
    check_needs({"a": 0, "b": 0, "d": "x"}, needs)
    for given, said in (
        ({"a": 0, "d": 1}, "a: it does nothing without b; add that, or leave it out"),
        (
            {"a": [1], "b": True, "c": [], "d": None},
            "a: it does nothing without c, d or e_f; add that, or leave it out",
        ),
    ):
        with pytest.raises(SpecError, match=said):
            check_needs(given, needs)
    with pytest.raises(SpecError, match=r"--a: it does nothing without --c, --d or --e-f;"):
        check_needs({"a": "x", "b": "y"}, needs, flag_of)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"containment": ["idle"], "stressors": []}, "containment: it does nothing without stressors, commands or"),
        ({"segment_ms": 50, "stressors": []}, "segment_ms: it does nothing without stressors, commands or mixes"),
        ({"max_work_loss": 0.5, "stressors": []}, "max_work_loss: it does nothing without stressors, commands or"),
        ({"slo_ms": 30, "stressors": []}, "slo_ms: it does nothing without stressors, commands or mixes"),
        ({"until": "decided"}, "until: it does nothing without slo_ms, max_slowdown, power_budget_w or max_work"),
        ({"budget": "1h", "slo_ms": 30}, "budget: it does nothing without until"),
        ({"percentile": "p99", "power_budget_w": 9}, "percentile: it does nothing without slo_ms or max_slowdown"),
        ({"shapes": {"x": "1x3"}, "networks": ["spin-1ms"]}, "'spin-1ms' is fed nothing"),
    ],
)  # fmt: skip
def test_a_key_of_a_study_that_would_do_nothing_is_refused(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError, match=f"^{said}"):
        make_spec(keys)


def test_tasks_are_there_however_they_are_named() -> None:
    program = {"encoder": "true"}
    assert make_spec({"containment": ["idle"], "slo_ms": 30}).limits
    assert make_spec({"containment": ["idle"], "stressors": [], "commands": program}).tasks
    # A network alone is steady, whether a file says so or not.
    assert not make_spec({"design": "steady", "stressors": []}).alternating
