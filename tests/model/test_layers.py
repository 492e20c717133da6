"""Which module a fused layer belongs to, and where it stands under the roof."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.model.layers import Ceilings, FusedLayer, standard_operator
from tests.study.fused import fused


@pytest.mark.parametrize(
    ("layers", "module"),
    [
        (["fire2/squeeze1x1", "fire2/relu_squeeze1x1"], "fire2"),
        (["inception_3a/output"], "inception_3a"),
        (["res2a"], "res2a"),
        (["res4b35_branch2c", "res4b35"], "res4b35"),
        (["res3a_branch2a_relu"], "res3a"),
        (["fire2/concat", "fire3/squeeze1x1"], None),
        (["conv1/7x7_s2"], None),
        (["firewall"], None),
        (["resize"], None),
        ([], None),
    ],
)
def test_a_module_is_what_all_its_layers_are_named_after(layers: list[str], module: str | None) -> None:
    assert fused(*layers).module == module


@pytest.mark.parametrize(
    ("kind", "standard"),
    [
        ("FusedConv", "Conv"), ("QLinearConv", "Conv"), ("NhwcFusedConv", "Conv"), ("NhwcMaxPool", "MaxPool"),
        ("QGemm", "Gemm"), ("QuantizeLinear", "QuantizeLinear"), ("ConvInteger", "ConvInteger"), ("", ""),
    ],
)  # fmt: skip
def test_a_runtimes_operator_is_a_variant_of_one_of_the_standard(kind: str, standard: str) -> None:
    assert standard_operator(kind) == standard


def test_what_lies_in_a_body_has_a_name_of_its_own() -> None:
    loop = FusedLayer("loop+behind", "Loop+Identity", ("loop", "behind"), 0, 0, step="loop")
    inner = FusedLayer("conv+relu", "Conv+Relu", ("q", "conv", "relu"), 1, 1, step="conv", within=("loop", "if"))
    around = FusedLayer("if", "If", ("if",), 0, 0, step="if", within=("loop",))
    assert inner.full_name == "loop > if > conv+relu" and loop.full_name == "loop+behind"
    assert inner.lies_in(loop) and inner.lies_in(around) and around.lies_in(loop)
    assert not (loop.lies_in(loop) or loop.lies_in(inner) or around.lies_in(inner))
    unrun = dataclasses.replace(loop, step=None)
    assert not inner.lies_in(unrun)
    assert [layer.first_layer for layer in (loop, inner)] == ["loop", "conv"]
    assert dataclasses.replace(loop, layers=()).first_layer == "loop+behind"


def test_launch_overhead_is_what_no_step_of_a_profile_holds() -> None:
    assert fused(kind="Identity").is_launch_overhead
    assert not fused("conv1").is_launch_overhead
    assert not dataclasses.replace(fused(kind="ReorderInput"), step="reorder").is_launch_overhead


def test_coordinates_of_the_roofline() -> None:
    found = fused("conv1", flop=2_000_000, moved_bytes=1000, time_s=0.001)
    assert found.intensity_flop_per_byte == 2000
    assert found.flop_per_s == pytest.approx(2e9)
    pool = fused("pool1", kind="MaxPool", flop=0)
    assert (pool.intensity_flop_per_byte, pool.flop_per_s) == (None, None)
    assert dataclasses.replace(found, time_s=None).flop_per_s is None


@given(st.floats(1e6, 1e15), st.floats(1e6, 1e13), st.floats(1e-3, 1e6))
def test_the_roof_rises_to_its_ridge(flop_per_s: float, bytes_per_s: float, intensity: float) -> None:
    roof = Ceilings(flop_per_s, bytes_per_s)
    ridge = flop_per_s / bytes_per_s
    assert math.isclose(roof.at(ridge), flop_per_s)
    assert roof.at(intensity) <= roof.at(2 * intensity) <= flop_per_s
    assert roof.at(intensity) <= bytes_per_s * intensity
