"""What a runtime made of a network: every layer once, with its FLOP and bytes, body by body."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from colocate.inference.networks.catalogue import resolve, skeleton
from colocate.inference.networks.network import Network
from colocate.inference.onnx import graph
from colocate.inference.onnx.layer_map import commonly_fused, fused_layers, launch_overhead
from colocate.model.layers import FusedLayer
from colocate.model.trial import Step
from colocate.study.layers import timed
from colocate.worker.backends.ort_trace import TimedStep, central, read, recorded
from colocate.worker.request import TensorSpec
from tests.inference.onnx.files import (
    CHANNELS,
    COLOURS,
    MATRIX_BYTES,
    PIXELS,
    PRODUCT_FLOP,
    QUANTISED_MACS,
    ROWS,
    SIDE,
    TRIPS,
    alternating,
    chosen,
    half,
    looping,
    model_of_products,
    profiled,
    quantised_by_pairs,
    quantised_operators,
    saved,
    scanning,
)

ALEXNET = graph.layers(skeleton("alexnet", 1))
RESNET = graph.layers(skeleton("resnet50", 1))


def step(name: str, kind: str, time_s: float = 0.001) -> TimedStep:
    return TimedStep(name, kind, (time_s,))


def with_times(sessions: Sequence[Sequence[TimedStep]], layers: Sequence[graph.Layer]) -> tuple[FusedLayer, ...]:
    """What ran, with its times: the geometric means over sessions."""
    windows = [[Step(**each._asdict()) for each in central(session)] for session in sessions]
    return timed(fused_layers(sessions[0], layers), windows)


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


# ---- a runtime that does not profile


def test_fused_layers_of_a_runtime_that_does_not_profile_hold_every_layer_once() -> None:
    for layers in (ALEXNET, RESNET):
        found = fused_layers(commonly_fused(layers), layers)
        assert sorted(name for fused in found for name in fused.layers) == sorted(layer.name for layer in layers)
        assert all(fused.time_s is None for fused in found)
        assert sum(fused.flop or 0 for fused in found) == 2 * (graph.macs(layers) or 0)
    first = fused_layers(commonly_fused(ALEXNET), ALEXNET)[0]
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
    ran = read(recorded(network.file, tmp_path, 3, threads=1)).steps
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
    found = with_times([read(recorded(network.file, tmp_path, 3, threads=1)).steps], graph.layers(path))
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
    found = with_times([read(recorded(network.file, tmp_path, 3, threads=1)).steps], graph.layers(path))
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
    found = with_times([read(recorded(network.file, tmp_path, 3, threads=1)).steps], graph.layers(path))
    conserved(found, network)
    assert [fused.layers for fused in found if fused.time_s] == [("MatMul_1",), ("Relu_2",), ("Greater_3",)]
    assert len(found) == 3


# ---- bodies of Loop, If and Scan


def mapped(model: onnx.ModelProto, folder: Path) -> dict[str, FusedLayer]:
    """What ONNX Runtime makes of the network, without times, by full names."""
    found = fused_layers(profiled(model, folder), graph.layers(model))
    assert len({layer.full_name for layer in found}) == len(found)
    return {layer.full_name: layer for layer in found}


def counts(layer: FusedLayer) -> tuple[int | None, int | None]:
    return layer.flop, layer.moved_bytes


def test_the_body_of_a_loop_is_told_apart_from_the_network_and_counted_for_every_run(tmp_path: Path) -> None:
    found = mapped(looping(), tmp_path)
    one = (PRODUCT_FLOP, 3 * MATRIX_BYTES)
    all_trips = (TRIPS * PRODUCT_FLOP, TRIPS * 3 * MATRIX_BYTES)
    assert {name: counts(layer) for name, layer in found.items()} == {
        "MatMul_0": one,
        "Loop_1": (0, 0),
        "Loop_1 > MatMul_0": all_trips,
        "Loop_1 > MatMul_1": all_trips,
        "Loop_1 > Identity_2": (0, 2 * TRIPS),
        "MatMul_2": one,
    }
    assert found["Loop_1 > MatMul_1"].lies_in(found["Loop_1"]) and not found["MatMul_2"].lies_in(found["Loop_1"])


def test_of_two_branches_the_one_that_ran_is_shown(tmp_path: Path) -> None:
    found = mapped(chosen(first=1, second=3), tmp_path)
    inside = {name: counts(layer) for name, layer in found.items() if layer.within}
    one = (PRODUCT_FLOP, 3 * MATRIX_BYTES)
    assert inside == {"choice > choice": one, "choice > MatMul_1": one, "choice > MatMul_2": one}
    assert (found["choice"].kind, counts(found["choice"])) == ("If", (0, 0))


def test_two_branches_of_the_same_names_and_work_need_no_telling_apart(tmp_path: Path) -> None:
    found = mapped(chosen(first=2, second=2), tmp_path)
    assert [counts(found[f"choice > {name}"]) for name in ("choice", "MatMul_1")] == [(PRODUCT_FLOP, 3072)] * 2


def test_two_branches_of_the_same_names_and_other_work_are_not_guessed_at() -> None:
    def branch(columns: int) -> tuple[graph.Layer, ...]:
        (layer,) = graph.layers(model_of_products(1, [""]))[:1]
        return (dataclasses.replace(layer, macs=columns),)

    choice = graph.Layer("choice", "If", None, (), (), (), (), (branch(1), branch(2)))
    ran = [TimedStep("choice", "If", (0.0,)), TimedStep("MatMul_0", "MatMul", (0.0,), ("choice",))]
    inside = fused_layers(ran, [choice])[1]
    assert (inside.layers, inside.flop, inside.step) == ((), None, "MatMul_0")


def test_branches_that_ran_in_turn_are_counted_by_their_own_runs(tmp_path: Path) -> None:
    found = mapped(alternating(), tmp_path)
    # One product in every trip, another in every second.
    assert found["Loop_0 > If_2 > MatMul_0"].flop == TRIPS * PRODUCT_FLOP
    assert found["Loop_0 > If_2 > MatMul_1"].flop == TRIPS // 2 * PRODUCT_FLOP
    assert found["Loop_0 > If_2"].within == ("Loop_0",)


def test_the_body_of_a_scan_is_fused_like_any_graph(tmp_path: Path) -> None:
    found = mapped(scanning(), tmp_path)
    product = found["Scan_0 > MatMul_0+Add_1+Tanh_2"]
    assert product.flop == ROWS * 2 * SIDE**2
    # State and row in, state out, and the weights, in each run.
    assert product.moved_bytes == ROWS * 4 * (3 * SIDE + SIDE**2)
    assert counts(found["Scan_0 > Neg_3"]) == (0, ROWS * 4 * 2 * SIDE)


def test_times_of_a_body_come_from_its_own_steps(tmp_path: Path) -> None:
    ran = profiled(looping(), tmp_path)
    window = [Step(**each._asdict()) for each in central(ran)]
    found = timed(fused_layers(ran, graph.layers(looping())), [window])
    assert {layer.full_name: layer.time_s.value for layer in found if layer.time_s} == pytest.approx(
        {" > ".join((*step.within, step.name)): step.time_s for step in window}
    )


def test_a_runtime_that_does_not_profile_runs_a_loop_as_a_whole() -> None:
    layers = graph.layers(looping())
    found = fused_layers(commonly_fused(layers), layers)
    assert [(layer.name, layer.flop) for layer in found] == [
        ("MatMul_0", PRODUCT_FLOP), ("Loop_1", None), ("MatMul_2", PRODUCT_FLOP)
    ]  # fmt: skip


# ---- quantised networks, and those of half precision

TENSOR_BYTES, BIAS_BYTES = CHANNELS * PIXELS, 4 * CHANNELS
QUANTISED_BYTES = (
    COLOURS * PIXELS + TENSOR_BYTES + CHANNELS * COLOURS * 9 + BIAS_BYTES,
    2 * TENSOR_BYTES + CHANNELS * CHANNELS * 9 + BIAS_BYTES,
)


def test_a_convolution_that_the_runtime_quantises_keeps_its_name_and_moves_bytes(tmp_path: Path) -> None:
    found = mapped(quantised_by_pairs(), tmp_path)
    assert [counts(found[name]) for name in ("conv1+relu1", "conv2", "sum")] == [
        (2 * QUANTISED_MACS[0], QUANTISED_BYTES[0]),
        (2 * QUANTISED_MACS[1], QUANTISED_BYTES[1]),
        (0, 3 * TENSOR_BYTES),
    ]
    assert (found["conv1+relu1"].kind, found["conv1+relu1"].first_layer) == ("Conv+Relu", "conv1")
    assert counts(found["x.q QuantizeLinear"]) == (0, (4 + 1) * COLOURS * PIXELS)
    assert counts(found["y DequantizeLinear"]) == (0, (1 + 4) * TENSOR_BYTES)


def test_convolutions_without_names_are_counted_as_well(tmp_path: Path) -> None:
    found = mapped(quantised_by_pairs(named=False), tmp_path)
    convolutions = [counts(layer) for layer in found.values() if "Conv" in layer.kind]
    assert convolutions == [(2 * macs, size) for macs, size in zip(QUANTISED_MACS, QUANTISED_BYTES, strict=True)]


def test_operators_on_integers_are_counted_in_bytes(tmp_path: Path) -> None:
    found = mapped(quantised_operators(), tmp_path)
    assert [counts(found[name]) for name in ("conv1_quant", "conv2_quant", "sum_quant")] == [
        (2 * QUANTISED_MACS[0], QUANTISED_BYTES[0]),
        (2 * QUANTISED_MACS[1], QUANTISED_BYTES[1]),
        (0, 3 * TENSOR_BYTES),
    ]


def test_a_file_of_half_precision_moves_two_bytes_an_element(tmp_path: Path) -> None:
    found = mapped(half(), tmp_path)
    assert counts(found["product"]) == (2 * 4 * SIDE**2, 2 * (2 * 4 * SIDE + SIDE**2))


@pytest.mark.parametrize(("element_type", "known"), [(TensorProto.FLOAT, True), (77, False)])
def test_an_output_of_unknown_type_has_no_size(tmp_path: Path, element_type: int, known: bool) -> None:
    model = half()
    model.graph.output[0].type.tensor_type.elem_type = element_type
    found = launch_overhead(saved(model, tmp_path).path)
    assert (found is not None) == known
