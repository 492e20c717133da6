"""Which layers each step of a runtime ran, told from the names of both: every layer is matched, none twice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from colocate.inference.networks.catalogue import resolve, skeleton
from colocate.inference.networks.network import Network
from colocate.inference.onnx import graph
from colocate.inference.onnx.layer_map import commonly_fused, fused_layers, held
from colocate.model.layers import FusedLayer
from colocate.model.trial import Step
from colocate.study.layers import timed
from colocate.worker.backends.ort_trace import TimedStep, central, recorded, steps
from colocate.worker.request import TensorSpec

ALEXNET = graph.layers(skeleton("alexnet", 1))
RESNET = graph.layers(skeleton("resnet50", 1))


def step(name: str, kind: str, time_s: float = 0.001) -> TimedStep:
    return TimedStep(name, kind, (time_s,))


def with_times(sessions: Sequence[Sequence[TimedStep]], layers: Sequence[graph.Layer]) -> tuple[FusedLayer, ...]:
    """What ran, with its times: the geometric means over sessions."""
    windows = [[Step(*each) for each in central(session)] for session in sessions]
    return timed(fused_layers(sessions[0], layers, 4), windows)


def layers_of_steps(ran: Sequence[TimedStep], layers: Sequence[graph.Layer]) -> dict[str, tuple[str, ...]]:
    return dict(zip([each.name for each in ran], held(ran, layers), strict=True))


# ---- matching: the names that releases of runtimes were seen to give


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


def test_a_step_called_after_nothing_holds_nothing_and_is_kept() -> None:
    found = with_times([[step("conv1", "Conv", 0.003), step("mystery", "Attention", 0.004)]], ALEXNET)
    assert found[1] == FusedLayer("mystery", "Attention", (), None, None, found[1].time_s, step="mystery")
    assert found[1].time_s is not None and found[1].time_s.value == pytest.approx(0.004)
    # What no step ran is there as well, without a time.
    assert [layer.name for layer in found[2:]][:3] == ["norm1", "pool1", "conv2"]
    assert all(layer.time_s is None for layer in found[2:])


def test_the_interval_of_a_time_is_over_sessions() -> None:
    sessions = [[TimedStep("conv1", "Conv", (0.001 * scale,) * 3)] for scale in (1.0, 2.0, 4.0)]
    time_s = with_times(sessions, ALEXNET)[0].time_s
    assert time_s is not None and time_s.lo is not None and time_s.hi is not None
    assert time_s.value == pytest.approx(0.002)
    assert time_s.lo < 0.001 and time_s.hi > 0.004
    alone = with_times(sessions[:1], ALEXNET)[0].time_s
    assert alone is not None and alone.lo is None


# ---- matching: products with a sum behind, which ONNX Runtime makes one Gemm of


def model_of_products(count: int, names: Sequence[str], branches: bool = False) -> onnx.ModelProto:
    """So many matrix products, each with a bias and a rectifier, one behind the other or all of one input."""
    nodes, weights, read = [], [], "x"
    for index, name in zip(range(count), names, strict=True):
        nodes += [
            helper.make_node("MatMul", [read, f"w{index}"], [f"m{index}"], name),
            helper.make_node("Add", [f"m{index}", f"b{index}"], [f"a{index}"], name and f"{name}.bias"),
            helper.make_node("Relu", [f"a{index}"], [f"r{index}"], name and f"{name}.relu"),
        ]
        weights += [(f"w{index}", (16, 16)), (f"b{index}", (16,))]
        read = "x" if branches else f"r{index}"
    joined = [f"r{index}" for index in range(count)] if branches else [read]
    nodes.append(helper.make_node("Concat", joined, ["y"], "joined", axis=1))
    stored = [numpy_helper.from_array(np.ones(shape, np.float32), name) for name, shape in weights]
    ends = [helper.make_tensor_value_info(*end) for end in (("x", 1, [4, 16]), ("y", 1, [4, 16 * len(joined)]))]
    body = helper.make_graph(nodes, "g", ends[:1], ends[1:], stored)
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


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


# ---- a runtime that does not profile


def test_fused_layers_of_a_runtime_that_does_not_profile_hold_every_layer_once() -> None:
    for layers in (ALEXNET, RESNET):
        found = fused_layers(commonly_fused(layers), layers, 4)
        assert sorted(name for fused in found for name in fused.layers) == sorted(layer.name for layer in layers)
        assert all(fused.time_s is None for fused in found)
        assert sum(fused.flop or 0 for fused in found) == 2 * (graph.macs(layers) or 0)
    first = fused_layers(commonly_fused(ALEXNET), ALEXNET, 4)[0]
    assert (first.name, first.step) == ("conv1+relu1", "conv1")


def test_a_sum_keeps_its_activation_to_itself() -> None:
    names = {layer.name for layer in commonly_fused(RESNET)}
    assert {"res2a", "res2a_relu"} <= names and "res2a_branch2a_relu" not in names


# ---- real profiles


def conserved(found: Sequence[FusedLayer], network: Network) -> None:
    """Every layer is in one fused layer, and FLOP and weights are those of the graph."""
    layers = graph.layers(network.path)
    held_layers = [name for fused in found for name in fused.layers]
    assert sorted(held_layers) == sorted(layer.name for layer in layers)
    assert network.macs is not None
    assert sum(fused.flop or 0 for fused in found) == 2 * network.macs


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("name", ["squeezenet1_1", "resnet50"])
def test_every_layer_of_a_real_network_is_found(name: str, tmp_path: Path) -> None:
    network = resolve(name, 1)
    ran = steps(recorded(network.file, tmp_path, 3, threads=1))
    assert all(len(each.times_s) == 2 and min(each.times_s) > 0 for each in ran)
    found = with_times([ran], graph.layers(network.path))
    conserved(found, network)
    assert all(fused.time_s is not None for fused in found)
    # Each convolution runs in a step of its own, whatever else that does.
    assert all(fused.kind.count("Conv") <= 1 for fused in found)
    strangers = {fused.kind for fused in found if not fused.layers}
    assert strangers <= {"ReorderInput", "ReorderOutput"}
    # A fused activation neither enters nor leaves.
    squeeze = next((f for f in found if "fire2/squeeze1x1" in f.layers and len(f.layers) == 2), None)
    if squeeze is not None:
        assert squeeze.moved_bytes == 4 * (64 * 56 * 56 + 16 * 56 * 56 + 64 * 16 + 16)


def test_a_product_with_its_bias_and_activation(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    weights = [
        numpy_helper.from_array(rng.standard_normal(shape, np.float32), name)
        for name, shape in (("w", (64, 32)), ("b", (32,)), ("w2", (32, 8)))
    ]
    nodes = [
        helper.make_node("Identity", ["x"], ["same"], "same"),
        helper.make_node("MatMul", ["same", "w"], ["m"], "product"),
        helper.make_node("Add", ["m", "b"], ["a"], "bias"),
        helper.make_node("Relu", ["a"], ["r"], "activation"),
        helper.make_node("MatMul", ["r", "w2"], ["m2"], "second"),
        helper.make_node("Sigmoid", ["m2"], ["y"], "gate"),
    ]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [8, size]) for n, size in (("x", 64), ("y", 8))]
    body = helper.make_graph(nodes, "g", ends[:1], ends[1:], weights)
    path = tmp_path / "net.onnx"
    onnx.save(helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    network = Network("net", path, "", (TensorSpec("x", (8, 64), "float32"),), 0, 8 * 64 * 32 + 8 * 32 * 8)
    found = with_times([steps(recorded(network.file, tmp_path, 3, threads=1))], graph.layers(path))
    conserved(found, network)
    assert [fused.layers for fused in found if fused.time_s] == [
        ("product", "bias", "activation"), ("second",), ("gate",)
    ]  # fmt: skip
    # It was dropped, and no step that follows may claim it.
    assert [fused.layers for fused in found if not fused.time_s] == [("same",)]


@pytest.mark.parametrize("names", [("one", "two", "three"), ("", "", "")], ids=["named", "nameless"])
def test_products_of_a_real_profile_are_found(names: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(model_of_products(3, names), path)
    network = Network("net", path, "", (TensorSpec("x", (4, 16), "float32"),), 0, 3 * 4 * 16 * 16)
    found = with_times([steps(recorded(network.file, tmp_path, 3, threads=1))], graph.layers(path))
    conserved(found, network)
    held_layers = [fused.layers for fused in found if fused.time_s and "MatMul" in fused.kind]
    assert [len(layers) for layers in held_layers] == [3, 3, 3], "the product, its sum and its rectifier"


def test_nodes_without_names_are_found(tmp_path: Path) -> None:
    """The runtime calls them by kind and number, written-out constants not counted."""
    weight = numpy_helper.from_array(np.ones((64, 64), np.float32), "w")
    nodes = [
        helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(np.array(2, np.float32))),
        helper.make_node("Add", ["w", "w"], ["double"]),
        helper.make_node("MatMul", ["x", "double"], ["m"]),
        helper.make_node("Relu", ["m"], ["r"]),
        helper.make_node("Greater", ["r", "c"], ["y"]),
    ]
    ends = [
        helper.make_tensor_value_info(*end, [64, 64]) for end in (("x", TensorProto.FLOAT), ("y", TensorProto.BOOL))
    ]
    path = tmp_path / "net.onnx"
    body = helper.make_graph(nodes, "g", ends[:1], ends[1:], [weight])
    onnx.save(helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    network = Network("net", path, "", (TensorSpec("x", (64, 64), "float32"),), 0, 64**3)
    found = with_times([steps(recorded(network.file, tmp_path, 3, threads=1))], graph.layers(path))
    conserved(found, network)
    assert [fused.layers for fused in found if fused.time_s] == [("MatMul_1",), ("Relu_2",), ("Greater_3",)]
    assert len(found) == 3
