"""The times of all layers add up to the network's own, within a tenth."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from colocate.inference.backends.registry import worker_request
from colocate.inference.networks.catalogue import resolve
from colocate.inference.onnx import graph
from colocate.inference.onnx.layer_map import fused_layers
from colocate.model.request import Inference
from colocate.model.trial import Step
from colocate.study.layers import balance, timed
from colocate.worker.backends.onnxruntime_cpu import OnnxRuntimeCpu
from colocate.worker.backends.ort_trace import central, recorded, steps

pytestmark = pytest.mark.bench

# Of sessions, each beside a window of the unprofiled network.
SESSIONS = 4
INFERENCES = 60


@pytest.mark.parametrize("name", ["alexnet", "squeezenet1_1"])
def test_layers_add_up_to_the_whole(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0})
    network = resolve(name, 1)
    plain = OnnxRuntimeCpu(worker_request(Inference(name, "onnxruntime-cpu"), network.file))
    sessions, latencies_s = [], []
    for _ in range(SESSIONS):
        for _ in range(INFERENCES):
            before_s = time.monotonic()
            plain.infer()
            latencies_s.append(time.monotonic() - before_s)
        trace = recorded(network.file, tmp_path, INFERENCES, threads=1)
        sessions.append([Step(**step._asdict()) for step in central(steps(trace, warmup=5))])
    fused = timed(fused_layers(sessions[0], graph.layers(network.path)), sessions)
    found = balance(fused, float(np.median(latencies_s)))
    assert found is not None
    print(f"{name}: layers {found.sum_s * 1e3:.3f} ms of {found.whole_s * 1e3:.3f} ms: {found.difference_ratio:+.1%}")
    assert abs(found.difference_ratio) < 0.10
