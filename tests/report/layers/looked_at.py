"""A run of `colocate layers` on a GPU: two layers cut out, one that no meter can resolve, and what a launch costs."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from colocate.model.layers import FusedLayer, LayerMap
from colocate.model.purpose import CeilingProbe, LayersPurpose
from colocate.model.quality import QualityFlag
from colocate.model.request import Inference, SweepSpec
from colocate.model.trial import PowerTrace, TrialRecord
from colocate.report.run_report import LoadedRun
from colocate.store.run_file import Header
from tests.study.test_plan import facts
from tests.study.truth import record, trial

WHOLE = Inference("net", "onnxruntime-cuda")
CONV = FusedLayer("conv1", "Conv", ("conv1",), 2_000_000, 1000)
SOFTMAX = FusedLayer("prob", "Softmax", ("prob",), 0, 80)
OVERHEAD = FusedLayer("launch, input and output", "MemcpyFromHost+MemcpyToHost", (), None, 64)
SUBGRAPHS = {"conv.onnx": 0, "prob.onnx": 1, "launch.onnx": 2}
CEILINGS = {
    "flop.onnx": CeilingProbe("flop", 4_000_000_000, 64, "onnxruntime-cuda", "fp32"),
    "bandwidth": CeilingProbe("bytes", 8_000_000, 0, "bandwidth", "fp32"),
    "nothing.onnx": CeilingProbe("nothing", 0, 0, "onnxruntime-cuda", "fp32"),
}
# Seconds of one inference, and watts above idle in each of three repeats.
TIMES_S = {"net": 0.0012, "conv.onnx": 0.0007, "prob.onnx": 0.0003, "launch.onnx": 0.00025, "nothing.onnx": 0.0001,
           "flop.onnx": 0.002, "bandwidth": 0.001}  # fmt: skip
ABOVE_W = {"net": (4.0, 4.1, 4.2), "conv.onnx": (5.0, 5.1, 5.2), "prob.onnx": (0.1, 2.0, 4.0)}


def window(network: str | None, repeat: int, metered: bool = True) -> TrialRecord:
    """One window of a network, or of the idle machine at 10 W."""
    inference = None if network is None else dataclasses.replace(WHOLE, network=network)
    n = 0 if network is None else 10
    time_s = TIMES_S[network] if network else 0.0
    watts = 10.0 + (ABOVE_W.get(network, (1.0, 1.0, 1.0))[repeat] if network else 0.0)
    trace = PowerTrace(np.array([0.0]), np.array([[watts]]), ("VDD_IN",), 0.01)
    made = record(trial(repeat, None, inference), np.full(n, time_s))
    return dataclasses.replace(made, elapsed_s=n * time_s or 2.0, power=trace if metered else None)


def run(*, timed: bool = False, metered: bool = True, warning: QualityFlag | None = None) -> LoadedRun:
    """All of it in three repeats; `warning` is on the windows of the whole network."""
    layer_map = LayerMap((CONV, SOFTMAX, OVERHEAD), timed)
    machine = facts(rails=("VDD_IN",) if metered else ())
    spec = SweepSpec((WHOLE, *(dataclasses.replace(WHOLE, network=name) for name in TIMES_S if name != "net")), ())
    records = tuple(window(name, repeat, metered) for repeat in range(3) for name in (*TIMES_S, None))
    if warning is not None:
        records = tuple(
            dataclasses.replace(each, warnings=(warning,)) if each.trial.inference == WHOLE else each
            for each in records
        )
    purpose = LayersPurpose(WHOLE, layer_map, SUBGRAPHS, CEILINGS)
    return LoadedRun(Path("run"), Header({}, spec, machine, {}, None, len(records), purpose), records, (), ())
