"""The verdict on one cell: the rule, the check it hangs on, and in words why a cell is undecided."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.model.cell import Interval
from colocate.model.limits import Limits, Quantity
from colocate.model.quality import QualityFlag
from colocate.model.trial import FloatArray, TrialRecord
from colocate.study.bounds import Look, Looks, bounds, once
from colocate.study.evidence import Evidence, collect
from colocate.study.verdicts import LimitCheck, Ruling, Verdict, absence, deciding, rule_on, verdict
from tests.study.measured import EXTERNAL, OWN, SENSOR, flagged, measured
from tests.study.tables import COLOCATED, around, evidence
from tests.study.truth import SPEC, TASK, trial

P50, POWER, WORK = Quantity.SLOWDOWN_P50, Quantity.POWER, Quantity.WORK_LOSS
BOTH = Limits(max_slowdown=1.2, percentile="p50", power_budget_w=10.0)


def ruled(of: Evidence, limits: Limits, looks: Looks = once) -> Ruling:
    """The verdict on a cell that is the only one of its table."""
    (found,) = bounds([of], limits.confidence, looks)
    return rule_on(found, limits)


def ruling(limits: Limits, looks: Looks = once, **values: FloatArray) -> Ruling:
    return ruled(evidence(COLOCATED[0], {Quantity[name]: series for name, series in values.items()}), limits, looks)


def rulings(done: list[TrialRecord], limits: Limits) -> Ruling:
    (found,) = (each for each in collect(done, SPEC) if each.colocated)
    return ruled(found, limits)


# ---- the rule


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        (Interval(1.0, 0.9, 1.1), Verdict.SAFE),
        (Interval(1.0, 0.9, 1.2), Verdict.UNDECIDED),
        (Interval(1.0, None, None), Verdict.UNDECIDED),
        (Interval(1.0, 0.9, None), Verdict.UNDECIDED),
        (Interval(1.2, 1.11, 1.3), Verdict.UNSAFE),
        (Interval(1.2, 1.11, None), Verdict.UNSAFE),
        (Interval(1.2, 1.1, 1.3), Verdict.UNDECIDED),
    ],
)
def test_the_rule(interval: Interval, expected: Verdict) -> None:
    assert verdict(interval, 1.1) is expected


@given(st.floats(0.1, 10), st.floats(0, 5), st.floats(0, 5), st.floats(0.1, 10))
def test_the_rule_says_the_side_of_the_limit_that_the_whole_interval_is_on(
    value: float, below: float, above: float, limit: float
) -> None:
    found = verdict(Interval(value, value - below, value + above), limit)
    assert (found is Verdict.SAFE) == (value + above <= limit)
    assert (found is Verdict.UNSAFE) == (value - below > limit)


def test_safe_takes_all_limits_and_unsafe_any() -> None:
    assert ruling(BOTH, SLOWDOWN_P50=around(1.0), POWER=around(8.0)).verdict is Verdict.SAFE
    assert ruling(BOTH, SLOWDOWN_P50=around(1.0), POWER=around(10.0)).verdict is Verdict.UNDECIDED
    assert ruling(BOTH, SLOWDOWN_P50=around(1.0), POWER=around(12.0)).verdict is Verdict.UNSAFE
    assert ruling(BOTH, SLOWDOWN_P50=around(1.2), POWER=around(12.0)).verdict is Verdict.UNSAFE


def test_a_check_tells_its_interval_and_margin() -> None:
    (check,) = ruling(Limits(power_budget_w=10.0), POWER=around(8.0)).checks
    assert check.interval is not None and check.interval.hi is not None
    assert check.interval.value == pytest.approx(8.0)
    assert check.margin == pytest.approx(1 - check.interval.hi / 10.0)
    assert (check.further_blocks, check.reason) == (None, "")


def test_no_power_meter_leaves_a_power_budget_undecided() -> None:
    found = ruling(BOTH, SLOWDOWN_P50=around(1.0))
    assert (found.verdict, found.open, found.further_blocks) == (Verdict.UNDECIDED, False, None)
    assert found.reason == "the power of the board was not metered"
    broken = ruling(BOTH, SLOWDOWN_P50=around(1.5))
    assert broken.verdict is Verdict.UNSAFE


def test_one_block_decides_nothing_and_more_may() -> None:
    found = ruling(Limits(power_budget_w=10.0), POWER=around(1.0, blocks=1))
    assert (found.verdict, found.open, found.further_blocks) == (Verdict.UNDECIDED, True, None)
    assert "two repeats" in found.reason


def test_further_blocks_would_probably_decide() -> None:
    """In most of the tables that go on with as many blocks as were said, the cell is decided."""
    limits, rng, decided = Limits(power_budget_w=10.0), np.random.default_rng(0), []
    for _ in range(200):
        measured_w = 9.95 * np.exp(0.01 * rng.standard_normal(400))
        before = ruling(limits, POWER=measured_w[:6])
        if before.further_blocks is not None and before.further_blocks <= 394:
            after = ruling(limits, POWER=measured_w[: 6 + before.further_blocks])
            decided.append(after.verdict is not Verdict.UNDECIDED)
    assert len(decided) > 100 and 0.5 < np.mean(decided) < 1


def test_further_blocks_are_fewer_the_further_the_limit() -> None:
    near, far = (ruling(Limits(power_budget_w=w), POWER=around(10.0)).further_blocks for w in (10.02, 10.05))
    assert near is not None and far is not None and near > far > 0
    assert ruling(Limits(power_budget_w=10.0), POWER=np.array([9.0, 10.0, 100 / 9])).further_blocks is None


# ---- the check that it hangs on


def check(verdict_: Verdict, value: float | None, margin: float | None, quantity: Quantity = POWER) -> LimitCheck:
    """Against a limit of 10."""
    interval = None if value is None else Interval(value, None, None)
    return LimitCheck(quantity, 10.0, interval, verdict_, margin, None, "", False)


@pytest.mark.parametrize(
    ("verdict_", "checks", "expected"),
    [
        (Verdict.SAFE, [(Verdict.SAFE, 5.0, 0.3), (Verdict.SAFE, 4.0, 0.1)], 1),
        (Verdict.UNSAFE, [(Verdict.SAFE, 9.9, 0.0), (Verdict.UNSAFE, 12.0, None), (Verdict.UNSAFE, 15.0, None)], 2),
        (Verdict.UNDECIDED, [(Verdict.UNDECIDED, 9.9, None), (Verdict.UNDECIDED, 11.0, None)], 1),
        # What is not known may be anything: it weighs as much as an estimate on its limit.
        (Verdict.UNDECIDED, [(Verdict.UNDECIDED, 9.0, None), (Verdict.UNDECIDED, None, None)], 1),
        (Verdict.UNDECIDED, [(Verdict.UNDECIDED, None, None), (Verdict.UNDECIDED, 10.5, None)], 1),
    ],
)
def test_a_verdict_hangs_on_the_check_with_the_least_left(
    verdict_: Verdict, checks: list[tuple[Verdict, float | None, float | None]], expected: int
) -> None:
    made = tuple(check(*each) for each in checks)
    assert deciding(Ruling(COLOCATED[0], verdict_, made, None, False, "")) is made[expected]


def test_a_margin_that_no_float_holds_is_absent() -> None:
    (found,) = ruling(Limits(power_budget_w=1e-320), POWER=around(8.0)).checks
    assert found.verdict is Verdict.UNSAFE and found.margin is None


# ---- how far an undecided cell is from its verdict


def test_all_limits_must_be_settled_for_safe_and_the_quickest_broken_one_for_unsafe() -> None:
    within = ruling(BOTH, SLOWDOWN_P50=around(1.19), POWER=around(9.95))
    slowdown, power = (each.further_blocks for each in within.checks)
    assert within.verdict is Verdict.UNDECIDED and slowdown is not None and power is not None
    assert within.further_blocks == max(slowdown, power)
    beyond = ruling(BOTH, SLOWDOWN_P50=around(1.203), POWER=around(10.08))
    slowdown, power = (each.further_blocks for each in beyond.checks)
    assert beyond.verdict is Verdict.UNDECIDED and slowdown is not None and power is not None
    assert beyond.further_blocks == min(slowdown, power) < max(slowdown, power)
    # A limit that is kept can be settled sooner, and settles nothing while another may be broken.
    mixed = ruling(BOTH, SLOWDOWN_P50=around(1.203), POWER=around(9.95))
    slowdown, power = (each.further_blocks for each in mixed.checks)
    assert slowdown is not None and power is not None
    assert mixed.further_blocks == slowdown > power


def test_a_limit_that_nothing_is_known_of_is_open_for_as_long_as_it_may_be_broken() -> None:
    assert not ruling(BOTH, SLOWDOWN_P50=around(1.19)).open
    broken = ruling(BOTH, SLOWDOWN_P50=around(1.203))
    assert broken.verdict is Verdict.UNDECIDED and broken.open and broken.further_blocks is not None
    assert broken.reason == (
        "the limit lies inside the interval of p50 slowdown; the power of the board was not metered"
    )


def test_too_near_for_the_repeats_that_are_left_is_not_open() -> None:
    def planned(repeats: int) -> Looks:
        return lambda upto: tuple(Look(n, 1.0) for n in (repeats,) if n <= upto)

    near = ruling(Limits(power_budget_w=10.0), planned(5), POWER=around(9.99))
    assert (near.verdict, near.open) == (Verdict.UNDECIDED, False)
    assert near.reason == "power is too near to its limit for the repeats that are left"
    assert (
        ruling(Limits(power_budget_w=10.0), POWER=around(9.99)).reason
        == "the limit lies inside the interval of power"
    )


def test_a_warning_withholds_safe_alone() -> None:
    def found(watts: float) -> Ruling:
        of = evidence(COLOCATED[0], {POWER: around(watts)})
        withheld = dataclasses.replace(of, withheld={POWER: (QualityFlag.THROTTLED, QualityFlag.TRIALS_FAILED)})
        return ruled(withheld, Limits(power_budget_w=10.0))

    within, near, beyond = found(8.0), found(10.05), found(12.0)
    assert within.reason == "power is within its limit but has the warning throttled, trials failed"
    assert (within.verdict, within.open) == (Verdict.UNDECIDED, False)
    assert (near.verdict, near.open) == (Verdict.UNDECIDED, True) and "warning" not in near.reason
    assert beyond.verdict is Verdict.UNSAFE


def test_more_blocks_may_show_what_was_disturbed_and_not_what_the_setting_brought_about() -> None:
    bare = evidence(COLOCATED[0], {})
    disturbed = dataclasses.replace(bare, left_out={POWER: (QualityFlag.OTHER_LOAD,)})
    throttled = dataclasses.replace(
        bare, left_out={POWER: (QualityFlag.THROTTLED,)}, withheld={POWER: (QualityFlag.THROTTLED,)}
    )
    found = [ruled(of, Limits(power_budget_w=10.0)) for of in (bare, disturbed, throttled)]
    assert [each.verdict for each in found] == [Verdict.UNDECIDED] * 3
    assert [each.open for each in found] == [False, True, False]


@pytest.mark.parametrize("quantity", Quantity)
def test_whatever_is_absent_says_why(quantity: Quantity) -> None:
    bare = evidence(COLOCATED[0], {})
    assert {"latency": "lengthen --window", "slowdown": "alone and beside", "power": "not metered",
            "work": "in the same repeat"}[quantity.kind] in absence(bare, quantity)  # fmt: skip
    disturbed = dataclasses.replace(bare, left_out={quantity: (QualityFlag.OTHER_LOAD, QualityFlag.STARTED_HOT)})
    assert absence(disturbed, quantity) == "no window counts: other load, started hot"


# ---- warnings


@pytest.mark.parametrize("warning", [*EXTERNAL, *OWN, *SENSOR])
def test_what_the_setting_brought_about_forbids_safe_and_what_came_from_outside_does_not(
    warning: QualityFlag,
) -> None:
    done = flagged(measured(6), warning)
    safe, unsafe = (rulings(done, Limits(max_slowdown=ratio)) for ratio in (2.0, 1.01))
    assert safe.verdict is (Verdict.UNDECIDED if warning in OWN else Verdict.SAFE)
    assert (warning.value in safe.reason) == (warning in OWN) and not safe.open
    assert unsafe.verdict is Verdict.UNSAFE


def test_windows_with_warnings_alone_are_no_evidence() -> None:
    done = measured(3)
    for block in range(3):
        done = flagged(done, QualityFlag.OTHER_LOAD, block=block)
    found = rulings(done, Limits(max_slowdown=2.0))
    assert found.verdict is Verdict.UNDECIDED and found.reason == "no window counts: other load" and found.open


def test_failed_trials_forbid_safe() -> None:
    (of,) = (each for each in collect(measured(6), SPEC, [trial(9, TASK)]) if each.colocated)
    found = ruled(of, Limits(max_slowdown=2.0))
    assert (found.verdict, found.open) == (Verdict.UNDECIDED, False) and "trials failed" in found.reason
