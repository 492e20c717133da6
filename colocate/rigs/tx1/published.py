"""What others measured on a Tegra X1, and the model beside it.

Every figure that the model can give is here, whether it agrees or not. Left out is what only follows from other
figures (a bandwidth from a layer's time, an energy from a power). Caffe's input and dropout layers run no kernel in
the model.

Constants were fitted to `calibration` figures, or read from them, and never to the others. But the form of the model
was chosen with NVIDIA's figures in sight, so these are no blind test. Such choices were: how many images fill a tile
of a matrix product, that an odd image in FP16 costs as much as two, that padding tiles costs energy, the weight of a
single layer in the fit, and that AP+DRAM is VDD_IN less the rest of the board.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from colocate.model.provenance import PublishedQuantity, PublishedRole
from colocate.model.request import Inference
from colocate.model.trial import FloatArray
from colocate.rigs.tx1.constants import Constants
from colocate.rigs.tx1.model import Load, OperatingPoint, Prediction, Tx1Model
from colocate.rigs.tx1.power import RAILS
from colocate.rigs.tx1.sensor import shown
from colocate.rigs.tx1.timing import durations_s, timeline

CALIBRATION: PublishedRole = "calibration"
NOT_FITTED: PublishedRole = "not fitted"
CMU = "founding study, raw logs (2017)"
CK = "dividiti/ck-caffe-nvidia-tx1"
NVIDIA = "NVIDIA, GPU-Based Deep Learning Inference (November 2015)"


@dataclass(frozen=True, slots=True)
class Figure:
    """One published number. `quantity` says which of the model's numbers it is compared with:

    - `latency_s` is with preparation, `forward_s` without.
    - `layers_s` is without preparation, and with a wait after every layer, as in Caffe's own timing.
    - `layer_s` is the time of `layer` alone between two events on the GPU, so without waking the host.
    - `images_per_s` is the batch over `forward_s`.
    - `power_w` is the mean of `rail`; `AP+DRAM` stands for VDD_IN less the rest of the board at rest.
    - `active_power_w` is the mean of the sensor's readings while the GPU is busy, and `peak_power_w` the highest.
      The rail `other` stands for VDD_IN less the two other rails.
    """

    name: str
    source: str
    role: PublishedRole
    quantity: PublishedQuantity
    value: float
    setting: OperatingPoint
    inference: Inference | None = None
    rail: str = ""
    layer: str = ""


@dataclass(frozen=True, slots=True)
class FigureCheck:
    """A published figure, the model's, and the model's relative error: 0.1 is 10 % above what was published."""

    figure: Figure
    published: float
    model: float
    error_ratio: float


# Network, batch, GPU and CPU in MHz; latency in s beside jpeg, bitcount, stringsearch; then the means in W from the
# first to the last sample with a busy GPU: VDD_IN, VDD_GPU, VDD_CPU.
_CMU_CELLS = (
    ("alexnet", 10, 998.4, 1734, (0.1268, 0.1188, 0.1191), (10.88, 4.58, 2.54)),
    ("alexnet", 10, 998.4, 102, (0.7267, 0.7280, 0.7344), (3.66, 0.96, 0.23)),
    ("alexnet", 10, 76.8, 1734, (0.7161, 0.7144, 0.7158), (6.06, 0.53, 2.36)),
    ("alexnet", 10, 76.8, 102, (1.4709, 1.4512, 1.4718), (2.72, 0.29, 0.20)),
    ("resnet152", 1, 998.4, 1734, (0.2349, 0.2335, 0.2330), (12.60, 5.63, 2.74)),
    ("resnet152", 1, 998.4, 102, (2.1187, 1.8722, 2.0692), (3.77, 0.79, 0.23)),
    ("resnet152", 1, 76.8, 1734, (1.5125, 1.5123, 1.5133), (6.45, 0.52, 2.62)),
    ("resnet152", 1, 76.8, 102, (2.2958, 2.3295, 2.2866), (2.92, 0.38, 0.22)),
)

# The same cells: what the sensor showed while the GPU was busy, in W: the mean of VDD_IN, VDD_GPU, VDD_CPU and the
# other rails; then the highest of VDD_IN and VDD_GPU, beside bitcount.
_CMU_READINGS = (
    ((11.24, 4.94, 2.51, 3.78), (12.74, 6.35)),
    ((7.36, 3.99, 0.23, 3.14), (9.39, 5.59)),
    ((6.05, 0.55, 2.34, 3.17), (7.09, 0.69)),
    ((2.98, 0.49, 0.19, 2.31), (3.30, 0.61)),
    ((12.63, 5.66, 2.74, 4.23), (15.00, 8.11)),
    ((4.48, 1.35, 0.23, 2.90), (5.60, 2.22)),
    ((6.57, 0.58, 2.67, 3.33), (7.01, 0.61)),
    ((3.10, 0.50, 0.22, 2.38), (3.34, 0.61)),
)
# What the study took for a busy GPU is not known. In the model: a reading of VDD_GPU of more than a busy GPU's idle
# power and one step of the converter.
_BUSY_GPU_W = 0.2
# Long enough for all phases of an inference to meet a reading.
_READ_S = 10.0

# Latency in s without a task, CPU 1734 MHz: network, batch, GPU in MHz.
_CMU_ALONE = (
    ("alexnet", 10, 998.4, 0.12), ("alexnet", 10, 76.8, 0.72), ("resnet152", 1, 998.4, 0.24),
    ("resnet152", 1, 76.8, 1.51),
)  # fmt: skip

# A task alone: CPU in MHz, then VDD_IN and VDD_CPU in W.
_CMU_TASKS = (
    ("bitcount", 102, 2.46, 0.152), ("bitcount", 921.6, 3.10, 0.869), ("bitcount", 1734, 5.22, 2.44),
    ("jpeg-small", 102, 2.15, 0.151), ("jpeg-small", 921.6, 3.35, 0.978), ("jpeg-small", 1734, 5.78, 2.74),
    ("stringsearch", 102, 2.19, 0.151), ("stringsearch", 921.6, 3.24, 0.783), ("stringsearch", 1734, 5.05, 2.03),
)  # fmt: skip
_CMU_IDLE = ((102, 2.2), (1734, 3.2))

# AlexNet, ms per batch, at CPU 1734 and GPU 998.4 MHz.
_CK_BATCHES = (2, 4, 6, 8, 10, 12, 14, 16)
_CK_MS = {
    ("caffe", "fp32"): (30.64, 36.01, 48.22, 61.81, 77.28, 90.65, 109.02, 118.61),
    ("caffe", "fp16"): (18.71, 23.49, 32.55, 41.81, 55.92, 63.03, 83.80, 81.04),
    ("tensorrt", "fp32"): (23.44, 28.31, 40.15, 52.14, 63.38, 72.05, 79.28, 103.94),
    ("tensorrt", "fp16"): (12.70, 16.01, 26.71, 30.97, 34.70, 39.57, 43.45, 47.55),
}
# Its layers in Caffe with FP32, ms in batches of 2, 10 and 16.
_CK_LAYERS_MS = {
    "conv1": (1.848, 8.547, 13.608), "relu1": (0.302, 1.306, 2.119), "norm1": (0.314, 1.332, 2.083),
    "pool1": (0.344, 1.470, 2.337), "conv2": (2.629, 12.062, 18.747), "relu2": (0.200, 0.859, 1.339),
    "norm2": (0.272, 0.931, 1.436), "pool2": (0.241, 1.003, 1.545), "conv3": (2.151, 8.227, 12.408),
    "relu3": (0.105, 0.373, 0.542), "conv4": (2.109, 7.026, 10.521), "relu4": (0.109, 0.371, 0.566),
    "conv5": (1.276, 4.273, 6.621), "relu5": (0.073, 0.271, 0.390), "pool5": (0.092, 0.293, 0.417),
    "fc6": (10.248, 17.756, 26.737), "relu6": (0.061, 0.093, 0.065), "fc7": (4.241, 7.814, 12.065),
    "relu7": (0.074, 0.088, 0.059), "fc8": (2.804, 2.022, 3.049), "prob": (0.081, 0.094, 0.071),
}  # fmt: skip
_CK_LAYER_BATCHES = (2, 10, 16)
# Those that were fitted to: where most of the time goes, and of batch 2 two layers with next to no work, 8192 values
# each, which show what one launch and its kernel cost.
_LARGE = frozenset(
    ("conv1", "relu1", "norm1", "conv2", "relu2", "norm2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")
)
_CK_FITTED = {2: frozenset(("relu6", "relu7")), 10: _LARGE, 16: _LARGE}

# AlexNet at GPU 691.2 MHz: batch, precision, images/s, W of processor and memory.
_NVIDIA = ((1, "fp32", 47, 5.5), (1, "fp16", 67, 5.1), (128, "fp32", 155, 6.0), (128, "fp16", 258, 5.7))


def figures() -> tuple[Figure, ...]:
    """Return all published figures."""
    return (*_cmu(), *_ck(), *_nvidia(), *_cmu_not_fitted())


def validate(model: Tx1Model | None = None, among: Sequence[Figure] | None = None) -> tuple[FigureCheck, ...]:
    """Compare the model with every figure, or with those in `among`."""
    model = Tx1Model() if model is None else model
    checks = []
    for figure in figures() if among is None else among:
        predicted = _predicted(model, figure)
        checks.append(FigureCheck(figure, figure.value, predicted, predicted / figure.value - 1))
    return tuple(checks)


def _cmu() -> Iterator[Figure]:
    for network, batch, gpu_mhz, cpu_mhz, latencies_s, rails_w in _CMU_CELLS:
        setting = OperatingPoint(_hz(cpu_mhz), _hz(gpu_mhz), Load("bitcount"))
        inference = Inference(network, "caffe", "fp32", batch)
        name = f"{network} batch {batch}, caffe, GPU {gpu_mhz:g}, CPU {cpu_mhz:g} MHz"
        latency_s = float(np.median(latencies_s))
        yield Figure(f"{name}: latency", CMU, CALIBRATION, "latency_s", latency_s, setting, inference)
        for rail, power_w in zip(RAILS, rails_w, strict=True):
            yield Figure(f"{name}: {rail}", CMU, CALIBRATION, "power_w", power_w, setting, inference, rail)
    for task, task_cpu_mhz, board_w, cpu_w in _CMU_TASKS:
        setting = OperatingPoint(_hz(task_cpu_mhz), _hz(76.8), Load(task))
        name = f"{task} alone, CPU {task_cpu_mhz:g} MHz"
        yield Figure(f"{name}: VDD_IN", CMU, CALIBRATION, "power_w", board_w, setting, rail="VDD_IN")
        yield Figure(f"{name}: VDD_CPU", CMU, CALIBRATION, "power_w", cpu_w, setting, rail="VDD_CPU")
    for cpu_mhz, board_w in _CMU_IDLE:
        setting = OperatingPoint(_hz(cpu_mhz), _hz(76.8))
        yield Figure(f"idle, CPU {cpu_mhz} MHz: VDD_IN", CMU, CALIBRATION, "power_w", board_w, setting, rail="VDD_IN")


def _cmu_not_fitted() -> Iterator[Figure]:
    for (network, batch, gpu_mhz, cpu_mhz, *_), (means_w, peaks_w) in zip(_CMU_CELLS, _CMU_READINGS, strict=True):
        setting = OperatingPoint(_hz(cpu_mhz), _hz(gpu_mhz), Load("bitcount"))
        inference = Inference(network, "caffe", "fp32", batch)
        name = f"{network} batch {batch}, caffe, GPU {gpu_mhz:g}, CPU {cpu_mhz:g} MHz"
        readings: tuple[tuple[PublishedQuantity, Sequence[str], Sequence[float]], ...] = (
            ("active_power_w", (*RAILS, "other"), means_w),
            ("peak_power_w", RAILS[:2], peaks_w),
        )
        for quantity, rails, powers_w in readings:
            for rail, power_w in zip(rails, powers_w, strict=True):
                yield Figure(f"{name}: {rail}", CMU, NOT_FITTED, quantity, power_w, setting, inference, rail)
    for network, batch, gpu_mhz, latency_s in _CMU_ALONE:
        name = f"{network} batch {batch}, caffe, alone, GPU {gpu_mhz:g}, CPU 1734 MHz: latency"
        inference = Inference(network, "caffe", "fp32", batch)
        yield Figure(
            name, CMU, NOT_FITTED, "latency_s", latency_s, OperatingPoint(_hz(1734), _hz(gpu_mhz)), inference
        )


def _ck() -> Iterator[Figure]:
    setting = OperatingPoint(_hz(1734), _hz(998.4))
    for (runtime, precision), row_ms in _CK_MS.items():
        quantity: PublishedQuantity = "layers_s" if runtime == "caffe" else "forward_s"
        for batch, ms in zip(_CK_BATCHES, row_ms, strict=True):
            name = f"alexnet batch {batch}, {runtime} {precision}: forward"
            inference = Inference("alexnet", runtime, precision, batch)
            yield Figure(name, CK, CALIBRATION, quantity, ms * 1e-3, setting, inference)
    for number, batch in enumerate(_CK_LAYER_BATCHES):
        inference = Inference("alexnet", "caffe", "fp32", batch)
        for layer, layer_ms in _CK_LAYERS_MS.items():
            name = f"alexnet batch {batch}, caffe fp32: {layer}"
            role = CALIBRATION if layer in _CK_FITTED[batch] else NOT_FITTED
            yield Figure(name, CK, role, "layer_s", layer_ms[number] * 1e-3, setting, inference, layer=layer)


def _nvidia() -> Iterator[Figure]:
    # The CPU's clock is not published, nor the library; TensorRT is the rig's default.
    setting = OperatingPoint(_hz(1734), _hz(691.2))
    for batch, precision, images_per_s, power_w in _NVIDIA:
        inference = Inference("alexnet", "tensorrt", precision, batch)
        name = f"alexnet batch {batch}, tensorrt {precision}, GPU 691.2 MHz"
        yield Figure(f"{name}: images/s", NVIDIA, NOT_FITTED, "images_per_s", images_per_s, setting, inference)
        yield Figure(f"{name}: AP+DRAM", NVIDIA, NOT_FITTED, "power_w", power_w, setting, inference, "AP+DRAM")


def _predicted(model: Tx1Model, figure: Figure) -> float:
    prediction, c = model.predict(figure.inference, figure.setting), model.constants
    if figure.quantity == "power_w":
        power_w = dict(zip(RAILS, prediction.power_w.tolist(), strict=True))
        power_w["AP+DRAM"] = power_w["VDD_IN"] - c.board_w
        return float(power_w[figure.rail])
    if figure.quantity in ("active_power_w", "peak_power_w"):
        readings = _busy_readings(prediction, c)
        return float(
            readings[figure.rail].mean() if figure.quantity == "active_power_w" else readings[figure.rail].max()
        )
    inference, line = figure.inference, prediction.line
    assert inference is not None and line is not None, "only power has figures without a network"
    forward_s = line.latency_s - line.prepared_s
    if figure.quantity == "latency_s":
        return line.latency_s
    if figure.quantity == "forward_s":
        return forward_s
    if figure.quantity == "images_per_s":
        return inference.batch / forward_s
    layers_s = _layer_by_layer_s(model, inference, figure.setting)
    if figure.layer:
        return layers_s[figure.layer]
    # Between layers the host wakes from its wait.
    return float(sum(layers_s.values())) + len(layers_s) * c.wake_cycles / figure.setting.cpu_hz


def _busy_readings(prediction: Prediction, c: Constants) -> dict[str, FloatArray]:
    """Return the sensor's readings of each rail in W while the GPU is busy, for inferences back to back without
    noise.
    """
    assert prediction.line is not None and prediction.inference_j is not None
    latencies_s = np.full(math.ceil(_READ_S / prediction.line.latency_s), prediction.line.latency_s)
    begins_s, elapsed_s = np.cumsum(latencies_s) - latencies_s, float(latencies_s.sum())
    trace = shown(begins_s, latencies_s, prediction.inference_j, prediction.resting_w, elapsed_s, c)
    found = dict(zip(RAILS, trace.power_w.T, strict=True))
    found["other"] = found["VDD_IN"] - found["VDD_GPU"] - found["VDD_CPU"]
    busy = found["VDD_GPU"] > _BUSY_GPU_W
    return {rail: power_w[busy] for rail, power_w in found.items()}


def _layer_by_layer_s(model: Tx1Model, inference: Inference, setting: OperatingPoint) -> dict[str, float]:
    """Return how long each layer takes from its first launch if nothing else runs, in s, by the layer's name."""
    kernels, c = model.work(inference).kernels, model.constants
    running_s = durations_s(kernels, setting.gpu_hz, setting.clocks.busy_emc_hz, 0.0, c)
    names = [layer.name for layer in model.work(inference).layers]
    return {
        names[int(index)]: float(timeline(running_s[kernels.layer == index], 0.0, setting.cpu_hz, 1.0, c).ends_s[-1])
        for index in np.unique(kernels.layer)
    }


def _hz(mhz: float) -> int:
    return round(mhz * 1e6)
