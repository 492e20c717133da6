"""Blocks, their groups and sums, and where they stand under the roof."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.model.cell import Interval
from colocate.model.layers import Ceilings, FusedLayer
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


def block(
    *layers: str,
    kind: str = "Conv",
    time_s: float | None = 0.001,
    flop: int | None = 1000,
    moved_bytes: int | None = 100,
    energy_j: float | None = None,
) -> FusedLayer:
    timed = None if time_s is None else Interval(time_s, None, None)
    metered = None if energy_j is None else Interval(energy_j, None, None)
    return FusedLayer("+".join(layers) or kind, kind, layers, flop, moved_bytes, timed, metered)


@pytest.mark.parametrize(
    ("layers", "module", "kind"),
    [
        (["fire2/squeeze1x1", "fire2/relu_squeeze1x1"], "fire2", "fire module"),
        (["inception_3a/output"], "inception_3a", "inception module"),
        (["res2a"], "res2a", "residual block"),
        (["res4b35_branch2c", "res4b35"], "res4b35", "residual block"),
        (["res3a_branch2a_relu"], "res3a", "residual block"),
        (["fire2/concat", "fire3/squeeze1x1"], None, "convolution"),
        (["conv1/7x7_s2"], None, "convolution"),
        (["firewall"], None, "convolution"),
        (["resize"], None, "convolution"),
    ],
)
def test_modules_by_the_names_of_their_layers(layers: list[str], module: str | None, kind: str) -> None:
    found = block(*layers)
    assert (found.module, by_kind(found)) == (module, kind)
    assert by_module(found) == (module or found.name)


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
        ("Secret", "other"),
    ],
)
def test_kinds(kind: str, group: str) -> None:
    assert by_kind(block("layer", kind=kind)) == group


def test_groups_in_the_order_in_which_they_run() -> None:
    ran = [block("conv1"), block("pool1", kind="MaxPool"), block("conv2"), block("fire2/a"), block("fire3/a")]
    groups = grouped(ran, by_kind)
    assert [(group.name, len(group.blocks)) for group in groups] == [
        ("convolution", 2), ("pooling", 1), ("fire module", 2)
    ]  # fmt: skip
    assert [group.name for group in grouped(ran, by_module)] == ["conv1", "pool1", "conv2", "fire2", "fire3"]
    assert sum(group.time_s or 0 for group in groups) == pytest.approx(0.005)
    assert (groups[0].flop, groups[0].moved_bytes) == (2000, 200)


def test_a_step_without_layers_takes_time_and_counts_nothing() -> None:
    reorder = block(kind="ReorderInput", flop=None, moved_bytes=None)
    (group,) = grouped([block("conv1"), reorder], lambda _: "all")
    assert (group.flop, group.moved_bytes) == (1000, 100)
    assert group.time_s == pytest.approx(0.002)
    assert (Group("", (reorder,)).flop, reorder.flop_per_s) == (None, None)


def test_what_is_unknown_of_one_is_unknown_of_the_sum() -> None:
    blocks = (block("a", energy_j=0.5), block("b", flop=None))
    assert (Group("", blocks).flop, Group("", blocks).energy_j) == (None, None)
    assert Group("", (blocks[0], block("c", energy_j=0.25))).energy_j == 0.75


def test_the_sum_against_the_whole() -> None:
    untimed = block("lost", time_s=None)
    found = balance([block("a"), block("b", time_s=0.002), untimed], 0.0025)
    assert found is not None
    assert (found.sum_s, found.difference_ratio) == pytest.approx((0.003, 0.2))
    assert balance([untimed], 0.0025) is None


def test_coordinates_of_the_roofline() -> None:
    found = block("conv1", flop=2_000_000, moved_bytes=1000, time_s=0.001)
    assert found.intensity_flop_per_byte == 2000
    assert found.flop_per_s == pytest.approx(2e9)
    pool = block("pool1", kind="MaxPool", flop=0)
    assert (pool.intensity_flop_per_byte, pool.flop_per_s) == (None, None)
    assert dataclasses.replace(found, time_s=None).flop_per_s is None


@given(st.floats(1e6, 1e15), st.floats(1e6, 1e13), st.floats(1e-3, 1e6))
def test_the_roof_rises_to_its_ridge(flop_per_s: float, bytes_per_s: float, intensity: float) -> None:
    roof = Ceilings(flop_per_s, bytes_per_s)
    ridge = flop_per_s / bytes_per_s
    assert math.isclose(roof.at(ridge), flop_per_s)
    assert roof.at(intensity) <= roof.at(2 * intensity) <= flop_per_s
    assert roof.at(intensity) <= bytes_per_s * intensity


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
def test_an_energy_is_told_only_where_its_power_is_known(value: float, half: float) -> None:
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
    blocks = [FusedLayer("a", "Conv", ("a",), 1, 1, step="a"), FusedLayer("b", "Relu", ("b",), 0, 1)]
    windows = [[Step("a", "Conv", 0.001, 2.0)], [Step("a", "Conv", 0.004, 8.0)]]
    first, second = timed(blocks, windows)
    assert first.time_s is not None and first.time_s.value == pytest.approx(0.002)
    assert first.energy_j is not None and first.energy_j.value == pytest.approx(4.0)
    assert second == blocks[1]
    unmetered = timed(blocks, [[Step("a", "Conv", 0.001)], windows[1]])[0]
    assert unmetered.energy_j is None and unmetered.time_s is not None
