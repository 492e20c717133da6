"""ONNX Runtime's profile: read whole, nothing lost on the way, and means that add up."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from colocate.worker.backends.ort_trace import TimedStep, central, read, recorded
from colocate.worker.errors import WorkerError
from tests.inference.onnx import files
from tests.small import small_network


def node(name: str, begin_us: int, length_us: int, kind: str = "Conv") -> dict[str, Any]:
    return {
        "cat": "Node", "ph": "X", "name": name, "ts": begin_us, "dur": length_us, "args": {"op_name": kind}
    }  # fmt: skip


def graph_run(begin_us: int, length_us: int) -> dict[str, Any]:
    return session("SequentialExecutor::Execute", begin_us, length_us)


def session(name: str, begin_us: int, length_us: int) -> dict[str, Any]:
    return {"cat": "Session", "ph": "X", "name": name, "ts": begin_us, "dur": length_us, "args": {}}


def written(path: Path, events: Sequence[dict[str, Any]]) -> Path:
    path.write_text(json.dumps(events))
    return path


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
    a, b = read(written(tmp_path / "t.json", events)).steps
    # Half a microsecond was cut off each length.
    assert [(each.name, each.kind) for each in (a, b)] == [("a", "Conv"), ("b", "Relu")]
    assert a.times_s == pytest.approx((10.5e-6, 12.5e-6))
    assert b.times_s == pytest.approx((4.5e-6, 4e-6))


@pytest.mark.parametrize("text", ["", '[{"cat": "Node"', "[]"])
def test_no_whole_trace(text: str, tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(WorkerError, match=r"t\.json"):
        read(tmp_path / "t.json")
    with pytest.raises(WorkerError, match="absent"):
        read(tmp_path / "absent.json")


def test_a_real_trace_holds_every_step_of_each_inference_but_the_first(tmp_path: Path) -> None:
    trace = recorded(small_network(tmp_path).file, tmp_path, 3, threads=1)
    assert trace.parent == tmp_path
    found = read(trace).steps
    assert {"Conv", "MatMul"} <= {step.kind for step in found}
    assert all(len(step.times_s) == 2 and min(step.times_s) > 0 for step in found)


def test_times_add_up_where_every_inference_is_preempted_in_another_step() -> None:
    """Each of 12 inferences of 8 steps loses the CPU for 8 ms, somewhere: no step's median would show it."""
    rng = np.random.default_rng(0)
    names = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]
    table = np.full((len(names), 12), 0.001)
    table[rng.integers(0, len(names), 12), np.arange(12)] += 0.008
    found = central([TimedStep(name, "Conv", tuple(row)) for name, row in zip(names, table.tolist(), strict=True)])
    assert [step.name for step in found] == names
    assert sum(step.time_s for step in found) == pytest.approx(0.016, rel=1e-9)


def test_a_few_disturbed_inferences_do_not_count() -> None:
    calm = (0.001,) * 9
    ran = [TimedStep("conv1", "Conv", (0.5, *calm)), TimedStep("conv2", "Conv", (*calm, 0.9))]
    assert [step.time_s for step in central(ran)] == pytest.approx([0.001, 0.001])


def test_what_cannot_run_says_what_it_was_fed(tmp_path: Path) -> None:
    file = small_network(tmp_path).file
    wrong = file._replace(inputs=(file.inputs[0]._replace(shape=(2, 3, 9, 9)),))
    with pytest.raises(
        WorkerError, match=r"small cannot run, fed data=2x3x9x9 \(--shape and --input change that\): "
    ):
        recorded(wrong, tmp_path, 1, 1)


def test_the_steps_of_a_body_are_told_apart_and_taken_from_what_is_around_them(tmp_path: Path) -> None:
    """A product, a Loop of two runs of a product of the same name and an If around a third, and one more behind."""
    events = [session("model_run", 0, 50), node("a_kernel_time", 10, 20)]
    for begin_us in (100, 500):
        # The trace is in the order in which events end.
        events += [
            node("a_kernel_time", begin_us + 2, 20, "MatMul"),
            node("a_kernel_time", begin_us + 42, 10, "MatMul"),
            graph_run(begin_us + 41, 14),
            node("a_kernel_time", begin_us + 61, 12, "MatMul"),
            node("a_kernel_time", begin_us + 76, 30, "MatMul"),
            graph_run(begin_us + 75, 32),
            node("if_kernel_time", begin_us + 74, 35, "If"),
            graph_run(begin_us + 60, 50),
            node("loop_kernel_time", begin_us + 40, 80, "Loop"),
            # It begins where the one before it ends.
            node("b_kernel_time", begin_us + 120, 5, "Relu"),
            graph_run(begin_us + 1, 130),
            session("model_run", begin_us, 140),
        ]
    found = read(written(tmp_path / "t.json", events)).steps
    times_us = {(*step.within, step.name): [1e6 * time_s for time_s in step.times_s] for step in found}
    assert times_us == {
        ("a",): pytest.approx([20.5] * 2),
        # Less its two runs of the body, with half a microsecond lost of each length.
        ("loop",): pytest.approx([80.5 - 14.5 - 50.5] * 2),
        ("loop", "a"): pytest.approx([10.5 + 12.5] * 2),
        ("loop", "if"): pytest.approx([35.5 - 32.5] * 2),
        ("loop", "if", "a"): pytest.approx([30.5] * 2),
        ("b",): pytest.approx([5.5] * 2),
    }
    assert {(*step.within, step.name): step.runs for step in found}["loop", "a"] == 2.0
    assert [step.runs for step in found if step.name != "a"] == [1.0, 1.0, 1.0]


def test_without_events_of_a_bodys_runs_its_nodes_are_taken_from_what_is_around_them(tmp_path: Path) -> None:
    events = [session("model_run", 0, 9), session("model_run", 100, 90), node("loop_kernel_time", 110, 50, "Loop")]
    events += [node("a_kernel_time", 112, 10), node("a_kernel_time", 132, 20)]
    loop, inner = read(written(tmp_path / "t.json", events)).steps
    assert [*loop.times_s, *inner.times_s] == pytest.approx([19.5e-6, 31e-6])


@pytest.mark.parametrize(
    ("model", "around", "inside"),
    [
        (files.looping(), "Loop_1", {"MatMul_0": 20.0, "MatMul_1": 20.0, "Identity_2": 20.0}),
        (files.chosen(first=1, second=2), "choice", {"choice": 1.0, "MatMul_1": 1.0}),
        (files.scanning(), "Scan_0", {"fused /MatMulAddFusion": 5.0, "Neg_3": 5.0}),
    ],
)
def test_bodies_in_a_real_trace(
    model: onnx.ModelProto, around: str, inside: dict[str, float], tmp_path: Path
) -> None:
    found = files.profiled(model, tmp_path)
    # ONNX Runtime 1.19 and 1.20 add a slash.
    assert {step.name.rstrip("/"): step.runs for step in found if step.within == (around,)} == inside
    assert [step.runs for step in found if step.name == around and not step.within] == [1.0]
    names = [step.name for step in found if not step.within]
    assert len(set(names)) == len(names)
