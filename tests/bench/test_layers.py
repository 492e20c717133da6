"""The times of all layers add up to the network's own, bodies included."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import onnx
import pytest

from colocate.inference.backends.registry import worker_request
from colocate.inference.networks.catalogue import resolve
from colocate.inference.networks.network import Network
from colocate.inference.onnx import graph
from colocate.inference.onnx.layer_map import fused_layers
from colocate.model.request import Inference
from colocate.model.trial import Step
from colocate.study.layers import Balance, balance, timed
from colocate.worker.backends.onnxruntime_cpu import OnnxRuntimeCpu
from colocate.worker.request import TensorSpec
from tests.inference.onnx.files import chosen, looping, model_of_products, saved, scanning

pytestmark = pytest.mark.bench

# Of sessions, each beside a window of the unprofiled network.
SESSIONS = 4
INFERENCES = 60


def layers_against_the_whole(network: Network, monkeypatch: pytest.MonkeyPatch) -> Balance:
    """Sessions and windows in turn, on one CPU."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0})
    runtime = OnnxRuntimeCpu(worker_request(Inference(network.name, "onnxruntime-cpu"), network.file))
    sessions, latencies_s = [], []
    for _ in range(SESSIONS):
        for _ in range(INFERENCES):
            before_s = time.monotonic()
            runtime.infer()
            latencies_s.append(time.monotonic() - before_s)
        sessions.append([Step(**step._asdict()) for step in runtime.profile(INFERENCES)])
    fused = timed(fused_layers(sessions[0], graph.layers(network.path)), sessions)
    found = balance(fused, float(np.median(latencies_s)))
    assert found is not None
    name = network.name
    print(f"{name}: layers {found.sum_s * 1e3:.3f} ms of {found.whole_s * 1e3:.3f} ms: {found.difference_ratio:+.1%}")
    return found


@pytest.mark.parametrize("name", ["alexnet", "squeezenet1_1"])
def test_layers_add_up_to_the_whole(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert abs(layers_against_the_whole(resolve(name, 1), monkeypatch).difference_ratio) < 0.10


@pytest.mark.parametrize(
    "model", [looping(256), chosen(1, 6, side=512), scanning(1024)], ids=["a loop", "a branch", "a scan"]
)
def test_bodies_add_up_with_what_is_around_them(
    model: onnx.ModelProto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert abs(layers_against_the_whole(saved(model, tmp_path), monkeypatch).difference_ratio) < 0.15


def test_a_network_of_short_steps_does_not_take_twice_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four hundred products of 16 columns, half a microsecond each."""
    model = model_of_products(400, [""] * 400)
    path = tmp_path / "short.onnx"
    onnx.save(model, path)
    network = Network("short", path, "", (TensorSpec("x", (4, 16), "float32"),), 0, None)
    assert abs(layers_against_the_whole(network, monkeypatch).difference_ratio) < 0.25
