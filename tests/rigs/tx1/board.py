"""Short ways to ask the model, for the tests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from colocate.model.request import Inference
from colocate.rigs.tx1.clocks import CPU_STEPS_HZ, GPU_STEPS_HZ
from colocate.rigs.tx1.model import Load, OperatingPoint, Prediction, Tx1Model
from colocate.rigs.tx1.timing import Timeline

MODEL = Tx1Model()
NETWORKS = ("alexnet", "googlenet", "resnet152")
BACKENDS = ("tensorrt", "caffe")
LOW_CPU_HZ, HIGH_CPU_HZ = CPU_STEPS_HZ[0], CPU_STEPS_HZ[-1]
LOW_GPU_HZ, HIGH_GPU_HZ = GPU_STEPS_HZ[0], GPU_STEPS_HZ[-1]

Clocks = dict[str, Any]


def predict(
    network: str = "alexnet",
    backend: str = "tensorrt",
    precision: str = "fp32",
    batch: int = 1,
    *,
    cpu_hz: int = HIGH_CPU_HZ,
    gpu_hz: int = HIGH_GPU_HZ,
    emc_hz: int | None = None,
    task: str | None = None,
    processes: int = 2,
    shared: bool = False,
    pressure_bytes_per_s: float = 0.0,
) -> Prediction:
    load = None if task is None else Load(task, processes, shared)
    point = OperatingPoint(cpu_hz, gpu_hz, load, pressure_bytes_per_s, emc_hz)
    return MODEL.predict(Inference(network, backend, precision, batch), point)


def line(prediction: Prediction) -> Timeline:
    assert prediction.line is not None
    return prediction.line


@st.composite
def questions(draw: st.DrawFn) -> dict[str, Any]:
    """A network and how it is run, as `predict` takes it."""
    return {
        "network": draw(st.sampled_from(NETWORKS)),
        "backend": draw(st.sampled_from(BACKENDS)),
        "precision": draw(st.sampled_from(("fp32", "fp16"))),
        "batch": draw(st.sampled_from((1, 2, 3, 10, 16, 32))),
    }


@st.composite
def lowered(draw: st.DrawFn) -> tuple[Clocks, Clocks]:
    """Clocks, and clocks of which none is higher: any pair of the 17 x 13."""
    cpu = sorted(draw(st.tuples(st.sampled_from(CPU_STEPS_HZ), st.sampled_from(CPU_STEPS_HZ))))
    gpu = sorted(draw(st.tuples(st.sampled_from(GPU_STEPS_HZ), st.sampled_from(GPU_STEPS_HZ))))
    return {"cpu_hz": cpu[1], "gpu_hz": gpu[1]}, {"cpu_hz": cpu[0], "gpu_hz": gpu[0]}


def latency_s(question: dict[str, Any], clocks: Clocks, **beside: Any) -> float:
    return line(predict(**question, **clocks, **beside)).latency_s
