"""Which layers each step of a runtime ran, told from the names of both: every layer is matched, none twice."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from colocate.inference.networks.catalogue import skeleton
from colocate.inference.onnx import graph
from colocate.inference.onnx.matching import held
from colocate.model.trial import Step
from colocate.worker.backends.ort_trace import TimedStep
from tests.inference.onnx.files import model_of_products, quantised_by_pairs, quantised_operators

ALEXNET = graph.layers(skeleton("alexnet", 1))
RESNET = graph.layers(skeleton("resnet50", 1))


def step(name: str, kind: str) -> TimedStep:
    return TimedStep(name, kind, (0.001,))


def layers_of_steps(ran: Sequence[TimedStep], layers: Sequence[graph.Layer]) -> dict[str, tuple[str, ...]]:
    return dict(zip([each.name for each in ran], held(ran, layers), strict=True))


# ---- the names that releases of runtimes were seen to give


def test_a_name_that_joins_all_names() -> None:
    ran = [Step("conv1 + relu1", "", 0.001), Step("norm1", "", 0.001), Step("Reformatting CopyNode", "", 0.001)]
    assert held(ran, ALEXNET) == (("conv1", "relu1"), ("norm1",), ())


def test_steps_called_after_the_first_of_what_was_fused() -> None:
    found = layers_of_steps([step("fused conv1", "FusedConv"), step("fused fc6_token_3", "FusedGemm")], ALEXNET)
    assert found == {"fused conv1": ("conv1", "relu1"), "fused fc6_token_3": ("fc6", "relu6")}


def test_steps_called_after_the_last_of_what_was_fused() -> None:
    ran = [step("relu1_nchwc", "Conv"), step("norm1", "LRN"), step("pool1_nchwc", "MaxPool")]
    ran += [step("relu2_nchwc", "Conv"), step("ReorderOutput_token_15", "ReorderOutput")]
    assert list(layers_of_steps(ran, ALEXNET).values()) == [
        ("conv1", "relu1"), ("norm1",), ("pool1",), ("conv2", "relu2"), ()
    ]  # fmt: skip


def test_a_sum_runs_with_the_last_of_its_convolutions() -> None:
    ran = [step("res2a_branch2b_relu_nchwc", "Conv"), step("res2a_branch2c_nchwc", "Conv")]
    ran += [step("res2a_branch1_nchwc", "Conv"), step("res2b_branch2a_relu_nchwc", "Conv")]
    assert list(layers_of_steps(ran, RESNET).values()) == [
        ("res2a_branch2b", "res2a_branch2b_relu"),
        ("res2a_branch2c",),
        ("res2a_branch1", "res2a", "res2a_relu"),
        ("res2b_branch2a", "res2b_branch2a_relu"),
    ]


# ---- products with a sum behind, which ONNX Runtime makes one Gemm of


def products(count: int, names: Sequence[str], branches: bool = False) -> tuple[graph.Layer, ...]:
    return graph.layers(model_of_products(count, names, branches))


@pytest.mark.parametrize(
    "named",
    [
        pytest.param(("fused gemm", "fused gemm_token_1"), id="1.17 and 1.18"),
        pytest.param(("fused one/MatMulAddFusion/", "fused two/MatMulAddFusion/"), id="1.19 and 1.20"),
        pytest.param(("fused one/MatMulAddFusion", "fused two/MatMulAddFusion_token_4"), id="from 1.21 on"),
    ],
)
def test_each_release_has_a_name_for_a_product_with_its_sum(named: tuple[str, str]) -> None:
    ran = [step(name, "FusedGemm") for name in named]
    assert held(ran, products(2, ["one", "two"])) == (
        ("one", "one.bias", "one.relu"), ("two", "two.bias", "two.relu")
    )  # fmt: skip


def test_products_without_names_are_matched_in_order() -> None:
    ran = [step("fused /MatMulAddFusion", "FusedGemm"), step("/MatMulAddFusion/_token_0", "Gemm")]
    assert held(ran, products(2, ["", ""])) == (("MatMul_0", "Add_1", "Relu_2"), ("MatMul_3", "Add_4", "Relu_5"))


def test_a_product_that_keeps_its_name_is_not_counted_among_those_that_lost_it() -> None:
    ran = [step("gemm", "Gemm"), step("two", "MatMul"), step("gemm_token_0", "Gemm")]
    found = held(ran, products(3, ["one", "two", "three"]))
    assert [names[0] for names in found] == ["one", "two", "three"]


@pytest.mark.parametrize("count", [1, 3])
def test_as_many_steps_as_products_or_none_is_matched(count: int) -> None:
    ran = [step(f"gemm_token_{index}", "Gemm") for index in range(count)]
    assert held(ran, products(2, ["one", "two"])) == ((),) * count


def test_of_two_branches_either_may_run_first() -> None:
    ran = [step("gemm", "Gemm"), step("gemm_token_0", "Gemm")]
    assert held(ran, products(2, ["one", "two"], branches=True)) == ((), ())
    named = [step("one/MatMulAddFusion", "Gemm"), step("gemm", "Gemm")]
    assert [names[:1] for names in held(named, products(2, ["one", "two"], branches=True))] == [("one",), ("two",)]


def test_a_layer_that_is_called_gemm_is_no_lost_name() -> None:
    found = held([step("gemm", "MatMul")], products(2, ["gemm", "two"]))
    assert found == (("gemm", "gemm.bias", "gemm.relu"),)


# ---- quantised networks

PAIRS = graph.layers(quantised_by_pairs())
NAMELESS_PAIRS = graph.layers(quantised_by_pairs(named=False))
CONVOLUTIONS = (
    ("x.d DequantizeLinear", "conv1", "relu1", "r1.q QuantizeLinear"),
    ("r1.d DequantizeLinear", "conv2", "c2.q QuantizeLinear"),
)


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(("conv1_token_1", "conv2_token_4"), id="after the convolutions"),
        pytest.param(("conv1_quant", "conv2_quant_token_4"), id="marked as quantised"),
        pytest.param(("r1.q QuantizeLinear", "c2.q QuantizeLinear"), id="after what quantises"),
        pytest.param(("x.d DequantizeLinear", "conv2"), id="after what dequantises"),
        pytest.param(("r1_nchwc", "c2_nchwc"), id="after the tensors they give"),
    ],
)
def test_a_quantised_convolution_is_found_by_whatever_it_is_called_after(names: tuple[str, str]) -> None:
    ran = [step("x.q QuantizeLinear", "QuantizeLinear"), *(step(name, "QLinearConv") for name in names)]
    ran += [step("sum", "QLinearAdd"), step("y DequantizeLinear", "DequantizeLinear")]
    assert held(ran, PAIRS) == (
        ("x.q QuantizeLinear",),
        *CONVOLUTIONS,
        ("r1.d DequantizeLinear", "c2.d DequantizeLinear", "sum", "s.q QuantizeLinear"),
        ("y DequantizeLinear",),
    )


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(("QLinearConv", "QLinearConv_token_3", "QLinearAdd_19"), id="1.19"),
        pytest.param(("_token_2", "_token_6", "QLinearAdd_19"), id="1.32"),
    ],
)
def test_quantised_convolutions_without_names_are_matched_in_order(names: tuple[str, str, str]) -> None:
    kinds = ("QLinearConv", "QLinearConv", "QLinearAdd")
    ran = [step("Transpose", "Transpose"), *(step(*each) for each in zip(names, kinds, strict=True))]
    put_in, first, second, total = held(ran, NAMELESS_PAIRS)
    assert (put_in, "Conv_6" in first, "Conv_10" in second, "Add_13" in total) == ((), True, True, True)
    assert held(ran[2:], NAMELESS_PAIRS)[0] == (), "one step is none of two convolutions"


def test_what_dequantises_for_a_step_that_is_not_known_is_left_over() -> None:
    (quantiser,) = held([step("x.q QuantizeLinear", "QuantizeLinear")], PAIRS)
    assert quantiser == ("x.q QuantizeLinear",)


def test_operators_on_integers_are_no_other_layers_than_they_are_called_after() -> None:
    layers = graph.layers(quantised_operators())
    ran = [step("sum_quant", "QLinearAdd"), step("y_real", "DequantizeLinear")]
    assert held(ran, layers) == (("sum_quant",), ("y_real",))


def test_what_dequantises_by_itself_is_a_layer_of_its_own() -> None:
    ran = [step("r1.d DequantizeLinear/duplicated", "DequantizeLinear"), step("conv2", "Conv"), step("sum", "Add")]
    alone, convolution, total, _ = held([*ran, step("y DequantizeLinear", "")], PAIRS)
    assert alone == ("r1.d DequantizeLinear",)
    assert convolution == ("conv2", "c2.q QuantizeLinear")
    assert total == ("c2.d DequantizeLinear", "sum", "s.q QuantizeLinear")


def test_a_name_of_the_file_may_end_as_a_runtime_marks_its_own() -> None:
    layers = graph.layers(quantised_operators())
    ran = [step("conv1_quant_token_1", "QLinearConv"), step("conv2_quant", "QLinearConv")]
    assert held(ran, layers) == (("conv1_quant",), ("conv2_quant",))
