"""Short ways to ask the model, for the tests."""

from __future__ import annotations

from colocate.model.request import Inference
from colocate.rigs.tx1.clocks import CPU_STEPS_HZ, GPU_STEPS_HZ
from colocate.rigs.tx1.model import Load, OperatingPoint, Prediction, Tx1Model
from colocate.rigs.tx1.timing import Timeline

MODEL = Tx1Model()
NETWORKS = ("alexnet", "googlenet", "resnet152")
BACKENDS = ("tensorrt", "caffe")
LOW_CPU_HZ, HIGH_CPU_HZ = CPU_STEPS_HZ[0], CPU_STEPS_HZ[-1]
LOW_GPU_HZ, HIGH_GPU_HZ = GPU_STEPS_HZ[0], GPU_STEPS_HZ[-1]


def predict(
    network: str = "alexnet",
    backend: str = "tensorrt",
    precision: str = "fp32",
    batch: int = 1,
    *,
    cpu_hz: int = HIGH_CPU_HZ,
    gpu_hz: int = HIGH_GPU_HZ,
    task: str | None = None,
    processes: int = 2,
    shared: bool = False,
    pressure_bytes_per_s: float = 0.0,
) -> Prediction:
    load = None if task is None else Load(task, processes, shared)
    setting = OperatingPoint(cpu_hz, gpu_hz, load, pressure_bytes_per_s)
    return MODEL.predict(Inference(network, backend, precision, batch), setting)


def line(prediction: Prediction) -> Timeline:
    assert prediction.line is not None
    return prediction.line
