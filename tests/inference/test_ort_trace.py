"""ONNX Runtime's profile: read whole, each step matched with the layers it ran, nothing lost on the way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from colocate.worker.ort_trace import TimedStep, central, recorded, steps
from onnx import TensorProto, helper, numpy_helper

from colocate.errors import TrialError
from colocate.inference.networks.catalogue import resolve, skeleton
from colocate.inference.networks.network import Network, TensorSpec
from colocate.inference.onnx import graph
from colocate.inference.onnx.layer_map import blocks as blocks_of
from colocate.inference.onnx.layer_map import held
from colocate.model.layers import FusedLayer
from colocate.study.layers import balance, timed


def node(name: str, begin_us: int, length_us: int, kind: str = "Conv") -> dict[str, Any]:
    return {
        "cat": "Node", "ph": "X", "name": name, "ts": begin_us, "dur": length_us, "args": {"op_name": kind}
    }  # fmt: skip


def session(name: str, begin_us: int, length_us: int) -> dict[str, Any]:
    return {"cat": "Session", "ph": "X", "name": name, "ts": begin_us, "dur": length_us, "args": {}}


def written(path: Path, events: Sequence[dict[str, Any]]) -> Path:
    path.write_text(json.dumps(events))
    return path


def step(name: str, kind: str, time_s: float = 0.001) -> TimedStep:
    return TimedStep(name, kind, (time_s,))


def blocks(
    sessions: Sequence[Sequence[TimedStep]], layers: Sequence[graph.Layer], width: int
) -> tuple[FusedLayer, ...]:
    """What ran, with its times: the geometric means over sessions."""
    return timed(blocks_of(sessions[0], layers, width), [central(session) for session in sessions])


def names_of(ran: Sequence[TimedStep], network: str) -> dict[str, tuple[str, ...]]:
    found = held(ran, graph.layers(skeleton(network, 1)))
    return dict(zip([each.name for each in ran], found, strict=True))


# ---- reading


def test_steps_by_inference_without_the_first(tmp_path: Path) -> None:
    events = [
        session("session_initialization", 0, 90),
        node("a_kernel_time", 100, 50),
        session("model_run", 99, 61),
        # Newer releases write the run after its nodes, and kernels of a GPU between them.
        node("a_kernel_time", 200, 10),
        {**node("gemm_kernel", 201, 7), "cat": "Kernel"},
        node("a_fence_before", 212, 3),
        node("b_kernel_time", 220, 4, "Relu"),
        session("model_run", 199, 30),
        node("a_kernel_time", 300, 12),
        node("b_kernel_time", 320, 2, "Relu"),
        node("b_kernel_time", 325, 1, "Relu"),
        session("model_run", 299, 30),
        node("stray_kernel_time", 400, 5),
    ]
    a, b = steps(written(tmp_path / "t.json", events))
    # Half a microsecond was cut off each length.
    assert [(each.name, each.kind) for each in (a, b)] == [("a", "Conv"), ("b", "Relu")]
    assert a.times_s == pytest.approx((10.5e-6, 12.5e-6))
    assert b.times_s == pytest.approx((4.5e-6, 4e-6))


@pytest.mark.parametrize("text", ["", '[{"cat": "Node"', "[]"])
def test_no_whole_trace(text: str, tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(TrialError, match=r"t\.json"):
        steps(tmp_path / "t.json")
    with pytest.raises(TrialError, match="absent"):
        steps(tmp_path / "absent.json")


# ---- matching: the names that releases of ONNX Runtime were seen to give


def test_steps_called_after_the_first_of_what_was_fused() -> None:
    found = names_of([step("fused conv1", "FusedConv"), step("fused fc6_token_3", "FusedGemm")], "alexnet")
    assert found == {"fused conv1": ("conv1", "relu1"), "fused fc6_token_3": ("fc6", "relu6")}


def test_steps_called_after_the_last_of_what_was_fused() -> None:
    ran = [step("relu1_nchwc", "Conv"), step("norm1", "LRN"), step("pool1_nchwc", "MaxPool")]
    ran += [step("relu2_nchwc", "Conv"), step("ReorderOutput_token_15", "ReorderOutput")]
    assert list(names_of(ran, "alexnet").values()) == [
        ("conv1", "relu1"), ("norm1",), ("pool1",), ("conv2", "relu2"), ()
    ]  # fmt: skip


def test_a_sum_runs_with_the_last_of_its_convolutions() -> None:
    ran = [step("res2a_branch2b_relu_nchwc", "Conv"), step("res2a_branch2c_nchwc", "Conv")]
    ran += [step("res2a_branch1_nchwc", "Conv"), step("res2b_branch2a_relu_nchwc", "Conv")]
    assert list(names_of(ran, "resnet50").values()) == [
        ("res2a_branch2b", "res2a_branch2b_relu"),
        ("res2a_branch2c",),
        ("res2a_branch1", "res2a", "res2a_relu"),
        ("res2b_branch2a", "res2b_branch2a_relu"),
    ]


def test_a_step_called_after_nothing_holds_nothing_and_is_kept() -> None:
    layers = graph.layers(skeleton("alexnet", 1))
    found = blocks([[step("conv1", "Conv", 0.003), step("mystery", "Attention", 0.004)]], layers, 4)
    assert found[1] == FusedLayer("mystery", "Attention", (), None, None, found[1].time_s, step="mystery")
    assert found[1].time_s is not None and found[1].time_s.value == pytest.approx(0.004)
    # What no step ran is there as well, without a time.
    assert [block.name for block in found[2:]][:3] == ["norm1", "pool1", "conv2"]
    assert all(block.time_s is None for block in found[2:])


def test_the_interval_of_a_time_is_over_sessions() -> None:
    layers = graph.layers(skeleton("alexnet", 1))
    sessions = [[TimedStep("conv1", "Conv", (0.001 * scale,) * 3)] for scale in (1.0, 2.0, 4.0)]
    time_s = blocks(sessions, layers, 4)[0].time_s
    assert time_s is not None and time_s.lo is not None and time_s.hi is not None
    assert time_s.value == pytest.approx(0.002)
    assert time_s.lo < 0.001 and time_s.hi > 0.004
    alone = blocks(sessions[:1], layers, 4)[0].time_s
    assert alone is not None and alone.lo is None


def test_times_add_up_where_every_inference_is_preempted_in_another_step() -> None:
    """Each of 12 inferences of 8 steps loses the CPU for 8 ms, somewhere: no step's median would show it."""
    rng = np.random.default_rng(0)
    names = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]
    table = np.full((len(names), 12), 0.001)
    table[rng.integers(0, len(names), 12), np.arange(12)] += 0.008
    ran = [TimedStep(name, "Conv", tuple(row)) for name, row in zip(names, table.tolist(), strict=True)]
    found = balance(blocks([ran], graph.layers(skeleton("alexnet", 1)), 4), 0.016)
    assert found is not None and found.difference_ratio == pytest.approx(0, abs=1e-9)


def test_a_few_disturbed_inferences_do_not_count() -> None:
    calm = (0.001,) * 9
    ran = [TimedStep("conv1", "Conv", (0.5, *calm)), TimedStep("conv2", "Conv", (*calm, 0.9))]
    first, second = blocks([ran], graph.layers(skeleton("alexnet", 1)), 4)[:2]
    assert first.time_s is not None and second.time_s is not None
    assert (first.time_s.value, second.time_s.value) == pytest.approx((0.001, 0.001))


# ---- real profiles


def conserved(found: Sequence[FusedLayer], network: Network) -> None:
    """Every layer is in one block, and FLOP and weights are those of the graph."""
    layers = graph.layers(network.path)
    held_layers = [name for block in found for name in block.layers]
    assert sorted(held_layers) == sorted(layer.name for layer in layers)
    assert network.macs is not None
    assert sum(block.flop or 0 for block in found) == 2 * network.macs


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("name", ["squeezenet1_1", "resnet50"])
def test_every_layer_of_a_real_network_is_found(name: str, tmp_path: Path) -> None:
    network = resolve(name, 1)
    ran = steps(recorded(network, tmp_path, 3, threads=1))
    assert all(len(each.times_s) == 2 and min(each.times_s) > 0 for each in ran)
    found = blocks([ran], graph.layers(network.path), 4)
    conserved(found, network)
    assert all(block.time_s is not None for block in found)
    # Each convolution runs in a step of its own, whatever else that does.
    assert all(block.kind.count("Conv") <= 1 for block in found)
    strangers = {block.kind for block in found if not block.layers}
    assert strangers <= {"ReorderInput", "ReorderOutput"}
    # A fused activation neither enters nor leaves.
    squeeze = next((b for b in found if "fire2/squeeze1x1" in b.layers and len(b.layers) == 2), None)
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
    found = blocks([steps(recorded(network, tmp_path, 3, threads=1))], graph.layers(path), 4)
    conserved(found, network)
    assert [block.layers for block in found if block.time_s] == [
        ("product", "bias", "activation"), ("second",), ("gate",)
    ]  # fmt: skip
    # It was dropped, and no step that follows may claim it.
    assert [block.layers for block in found if not block.time_s] == [("same",)]


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
    found = blocks([steps(recorded(network, tmp_path, 3, threads=1))], graph.layers(path), 4)
    conserved(found, network)
    assert [block.layers for block in found if block.time_s] == [("MatMul_1",), ("Relu_2",), ("Greater_3",)]
    assert len(found) == 3
