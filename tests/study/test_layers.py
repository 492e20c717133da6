"""Fused layers: their groups and sums, and the power and energy of each."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.model.cell import Interval
from colocate.model.layers import FusedLayer
from colocate.model.trial import Step
from colocate.study.layers import (
    RESOLVED_RATIO,
    Group,
    allowing_for_idle,
    balance,
    by_kind,
    by_module,
    difference,
    energy_j,
    grouped,
    resolved,
    timed,
)
from tests.study.fused import fused


@pytest.mark.parametrize(
    ("layers", "module", "kind"),
    [
        (["fire2/squeeze1x1", "fire2/relu_squeeze1x1"], "fire2", "fire module"),
        (["inception_3a/output"], "inception_3a", "inception module"),
        (["res2a"], "res2a", "residual block"),
        (["res4b35_branch2c", "res4b35"], "res4b35", "residual block"),
        (["res3a_branch2a_relu"], "res3a", "residual block"),
        (["fire2/concat", "fire3/squeeze1x1"], "fire2/concat+fire3/squeeze1x1", "convolution"),
        (["conv1/7x7_s2"], "conv1/7x7_s2", "convolution"),
        (["firewall"], "firewall", "convolution"),
        (["resize"], "resize", "convolution"),
    ],
)
def test_what_is_in_a_module_counts_as_the_modules(layers: list[str], module: str, kind: str) -> None:
    assert (by_module(fused(*layers)), by_kind(fused(*layers))) == (module, kind)


@pytest.mark.parametrize(
    ("kind", "group"),
    [
        ("Conv", "convolution"),
        ("Conv+Relu", "convolution"),
        ("Flatten+Gemm+Relu", "fully connected"),
        ("FusedGemm", "fully connected"),
        ("GlobalAveragePool", "pooling"),
        ("ReorderOutput", "data movement"),
        ("Add+Relu", "element-wise"),
        ("QLinearConv", "convolution"),
        ("QGemm", "fully connected"),
        ("NhwcMaxPool", "pooling"),
        ("DequantizeLinear", "element-wise"),
        ("Loop", "control flow"),
        ("Secret", "other"),
    ],
)
def test_kinds(kind: str, group: str) -> None:
    assert by_kind(fused("layer", kind=kind)) == group


def test_groups_in_the_order_in_which_they_run() -> None:
    ran = [fused("conv1"), fused("pool1", kind="MaxPool"), fused("conv2"), fused("fire2/a"), fused("fire3/a")]
    groups = grouped(ran, by_kind)
    assert [(group.name, len(group.fused_layers)) for group in groups] == [
        ("convolution", 2), ("pooling", 1), ("fire module", 2)
    ]  # fmt: skip
    assert [group.name for group in grouped(ran, by_module)] == ["conv1", "pool1", "conv2", "fire2", "fire3"]
    assert sum(group.time_s or 0 for group in groups) == pytest.approx(0.005)
    assert (groups[0].flop, groups[0].moved_bytes) == (2000, 200)


def test_a_step_without_layers_takes_time_and_counts_nothing() -> None:
    reorder = fused(kind="ReorderInput", flop=None, moved_bytes=None)
    (group,) = grouped([fused("conv1"), reorder], lambda _: "all")
    assert (group.flop, group.moved_bytes) == (1000, 100)
    assert group.time_s == pytest.approx(0.002)
    assert (Group("", (reorder,)).flop, reorder.flop_per_s) == (None, None)


def test_what_is_unknown_of_one_is_unknown_of_the_sum() -> None:
    layers = (fused("a", energy_j=0.5), fused("b", flop=None))
    assert (Group("", layers).flop, Group("", layers).energy_j) == (None, None)
    assert Group("", (layers[0], fused("c", energy_j=0.25))).energy_j == 0.75


def test_the_sum_against_the_whole() -> None:
    untimed = fused("lost", time_s=None)
    found = balance([fused("a"), fused("b", time_s=0.002), untimed], 0.0025)
    assert found is not None
    assert (found.sum_s, found.difference_ratio) == pytest.approx((0.003, 0.2))
    assert balance([untimed], 0.0025) is None


@pytest.mark.parametrize(("whole_s", "adds_up"), [(0.00241, True), (0.0041, False), (0.0039, True), (0.0023, False)])
def test_a_sum_adds_up_within_a_quarter_of_the_whole(whole_s: float, adds_up: bool) -> None:
    found = balance([fused("a"), fused("b", time_s=0.002)], whole_s)
    assert found is not None and found.adds_up == adds_up


# ---- power above idle


def test_power_above_idle_against_a_hand_calculation() -> None:
    above = difference({0: 14.0, 1: 15.0, 2: 16.0, 9: 99.0}, {0: 10.0, 1: 10.5, 2: 11.0, 8: 0.0})
    assert above is not None and above.lo is not None and above.hi is not None
    # 4.0, 4.5 and 5.0 W, and t(2, 0.975) = 4.302653.
    half = 4.302652729911275 * 0.5 / math.sqrt(3)
    assert (above.value, above.lo, above.hi) == pytest.approx((4.5, 4.5 - half, 4.5 + half))
    assert difference({0: 14.0}, {1: 10.0}) is None
    assert difference({0: 14.0}, {0: 10.0}) == Interval(4.0, None, None)


def test_what_draws_less_than_idle_tells_how_far_idle_is_off() -> None:
    """As on an H200, where a softmax drew 3.2 W less than idle and an interval of 0.5 W stood beside 7.6 W."""
    powers_w = [Interval(7.6, 7.1, 8.1), Interval(-3.2, -4.7, -1.6), Interval(121.0, 116.0, 126.0)]
    norm, softmax, conv = allowing_for_idle(powers_w)
    assert (norm.value, norm.lo, norm.hi) == pytest.approx((7.6, 3.9, 11.3))
    assert (softmax.lo, softmax.hi) == pytest.approx((-7.9, 1.6)), "idle is within it"
    assert [resolved(above) for above in (norm, softmax, conv)] == [False, False, True]
    assert allowing_for_idle(powers_w[::2]) == powers_w[::2]
    assert allowing_for_idle([Interval(-1.0, None, None)]) == [Interval(-1.0, None, None)]


@given(st.floats(-5, 5), st.floats(0, 2))
def test_an_energy_is_given_only_where_its_power_is_known(value: float, half: float) -> None:
    above = Interval(value, value - half, value + half)
    found = energy_j(above, Interval(0.01, 0.009, 0.011))
    assert (found is None) == (not resolved(above))
    if found is not None and found.hi is not None and value > 0:
        assert above.hi is not None and above.hi - value <= RESOLVED_RATIO * value + 1e-12
        # No narrower than either of its factors, no wider than both together.
        relative = found.hi / found.value - 1
        assert max(half / value, 0.1) - 1e-9 <= relative <= half / value + 0.1 + 1e-9
    assert energy_j(Interval(5.0, None, None), Interval(0.01, None, None)) is None, "one repeat tells no spread"


def test_times_and_energies_are_means_over_windows() -> None:
    layers = [FusedLayer("a", "Conv", ("a",), 1, 1, step="a"), FusedLayer("b", "Relu", ("b",), 0, 1)]
    windows = [[Step("a", "Conv", 0.001, 2.0)], [Step("a", "Conv", 0.004, 8.0)]]
    first, second = timed(layers, windows)
    assert first.time_s is not None and first.time_s.value == pytest.approx(0.002)
    assert first.energy_j is not None and first.energy_j.value == pytest.approx(4.0)
    assert second == layers[1]
    unmetered = timed(layers, [[Step("a", "Conv", 0.001)], windows[1]])[0]
    assert unmetered.energy_j is None and unmetered.time_s is not None


def test_steps_of_one_name_are_told_apart_by_what_they_lie_in() -> None:
    layers = [
        FusedLayer("a", "Conv", ("a",), 1, 1, step="a"),
        FusedLayer("a", "Conv", ("a",), 1, 1, step="a", within=("loop",)),
    ]
    window = [Step("a", "Conv", 0.001), Step("a", "Conv", 0.007, within=("loop",), runs=7.0)]
    times_s = [layer.time_s.value for layer in timed(layers, [window] * 3) if layer.time_s is not None]
    assert times_s == pytest.approx([0.001, 0.007])
