"""Turn the layers of a network into the kernels that a runtime launches for them, each with its work.

`tensorrt` fuses: activation and sum run inside the convolution, a concatenation is written in place. `caffe` is the
runtime of the 2017 study, BVLC Caffe with cuDNN, and fuses nothing.

Assumption: the graph has batch normalisation folded into its convolutions, but Caffe ran it separately. So a network
that adds layers together (a residual one) gets BatchNorm and Scale after every convolution, as in its authors'
prototxt: 669 operations for ResNet-152. Other networks get none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from colocate.errors import SpecError
from colocate.inference.onnx.graph import Layer
from colocate.model.request import WIDTH_BYTES, Inference
from colocate.model.trial import FloatArray
from colocate.rigs.tx1.clocks import EMC_MAX_HZ, GPU_STEPS_HZ
from colocate.rigs.tx1.constants import Constants

# Kinds that move no data, so that no kernel runs.
_FREE = frozenset(("Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"))


@dataclass(frozen=True, slots=True)
class Kernels:
    """The work of each launch, in order; all (n,).

    `cycles` are for arithmetic on the GPU, `traffic_bytes` go to and from memory, and `macs` are what the GPU
    executes, with the padding of tiles. All three are for the whole batch. `layer` is the index of the kernel's
    layer.
    """

    cycles: FloatArray
    traffic_bytes: FloatArray
    macs: FloatArray
    layer: FloatArray


@dataclass(frozen=True, slots=True)
class _Kernel:
    cycles: float
    traffic_bytes: float
    macs: float


def kernels(layers: Sequence[Layer], inference: Inference, constants: Constants) -> Kernels:
    """Return what the runtime `inference.backend` launches for one inference of `layers`.

    Raises SpecError for a layer whose work is not known, and for a network that computes nothing.
    """
    for layer in layers:
        if layer.macs is None or layer.input_elements is None or layer.output_elements is None:
            raise SpecError(
                f"the work of layer '{layer.name}' ({layer.kind}) does not follow from its shapes; "
                "the model of the Tegra X1 needs networks of fixed shapes and common layers"
            )
    launched = list((_tensorrt if inference.backend == "tensorrt" else _caffe)(layers, inference, constants))
    if not launched:
        raise SpecError(f"network '{inference.network}' computes nothing that the model of the Tegra X1 could time")
    table = np.array([(k.cycles, k.traffic_bytes, k.macs, layer) for layer, k in launched], dtype=np.float64)
    return Kernels(*table.reshape(-1, 4).T)


def _caffe(layers: Sequence[Layer], inference: Inference, c: Constants) -> Iterator[tuple[int, _Kernel]]:
    normalised = any(layer.kind == "Add" for layer in layers)
    for index, layer in enumerate(layers):
        output_bytes = WIDTH_BYTES[inference.precision] * (layer.output_elements or 0)
        if layer.kind in _FREE:
            continue
        # Kernels of Caffe's own beside the layer's: how many, with how many passes over the output together.
        beside: list[tuple[float, float]] = []
        if layer.kind == "Add":
            beside = [(c.sum_launches, c.sum_passes)]
        elif layer.kind == "Concat":
            # Every input is copied to its place.
            beside = [(len(layer.inputs), 2)]
        else:
            yield index, _own_kernel(layer, inference, c)
            if layer.kind == "Conv":
                beside = [(c.join_launches, 0)]
            if layer.kind == "Conv" and normalised:
                beside += [(c.norm_launches, c.norm_passes), (c.scale_launches, c.scale_passes)]
            elif layer.kind in ("Conv", "Gemm"):
                beside += [(c.bias_launches, c.bias_passes)]
        for launches, passes in beside:
            for _ in range(round(launches)):
                yield index, _Kernel(0.0, passes / round(launches) * output_bytes, 0.0)


def _tensorrt(layers: Sequence[Layer], inference: Inference, c: Constants) -> Iterator[tuple[int, _Kernel]]:
    kinds = {layer.name: layer.kind for layer in layers}
    # Of the convolutions that a sum adds, the last to run does it, and reads the other addend.
    sums = {
        convolutions[-1]: layer.name
        for layer in layers
        if layer.kind == "Add" and (convolutions := [name for name in layer.inputs if kinds[name] == "Conv"])
    }
    absorbed = set(sums.values())
    for index, layer in enumerate(layers):
        activates = layer.kind == "Relu" and any(kinds[name] in ("Conv", "Gemm", "Add") for name in layer.inputs)
        if layer.kind in _FREE or layer.kind == "Concat" or layer.name in absorbed or activates:
            continue
        kernel = _own_kernel(layer, inference, c)
        if layer.name in sums:
            addend_bytes = WIDTH_BYTES[inference.precision] * (layer.output_elements or 0)
            kernel = _Kernel(kernel.cycles, kernel.traffic_bytes + addend_bytes, kernel.macs)
        yield index, kernel


def _own_kernel(layer: Layer, inference: Inference, c: Constants) -> _Kernel:
    """Return the kernel that does a layer's own work. It reads its operands and writes its output once.

    It multiplies weights (channels x depth) by inputs (depth x columns), with a bias per channel. The columns are
    pixels of all images for a convolution, images for a matrix product. Sides are padded to whole tiles.
    """
    width = WIDTH_BYTES[inference.precision]
    inputs, outputs, weights = layer.input_elements or 0, layer.output_elements or 0, layer.weight_elements
    macs, traffic_bytes = float(layer.macs or 0), float(width * (inputs + outputs + weights))
    efficiency = _efficiency(inference.backend, c)
    if not macs or not weights:
        return _Kernel(macs / (c.macs_per_cycle * efficiency), traffic_bytes, macs)
    depth = macs / outputs
    channels = weights / (depth + 1)
    columns = outputs / channels
    halves = c.fp16_gain if inference.precision == "fp16" else 1.0
    if layer.kind == "Conv":
        # A register's halves hold the same pixel of two images; an odd image runs as one of a pair. All measured
        # batches are even, except NVIDIA's one image: there the model is 19 % too fast, and with pairs of pixels it
        # would be even faster.
        paired = columns / inference.batch * math.ceil(inference.batch / halves)
        products = depth * _filled(channels, c.tile) * _filled(paired, c.tile)
        # The half that stands empty costs time but no energy.
        executed = products * columns / paired
        return _Kernel(products / (c.macs_per_cycle * efficiency), traffic_bytes, executed)
    # Caffe's matrix products did not use the halves.
    per_cycle = c.macs_per_cycle * (1.0 if inference.backend == "caffe" else halves)
    filled = depth * channels * _filled(columns, c.product_tile)
    tiled = _Kernel(filled / (per_cycle * c.product_efficiency), traffic_bytes, filled)
    # With few columns no tile is full: the kernel reads its weights again and again at the pace of FP32.
    reread_bytes = WIDTH_BYTES["fp32"] * weights * columns / c.thin_columns
    thin = _Kernel(macs / (c.macs_per_cycle * efficiency), max(traffic_bytes, reread_bytes), macs)
    return min(thin, tiled, key=lambda kernel: _at_full_clocks_s(kernel, c))


def _efficiency(runtime: str, c: Constants) -> float:
    return c.tensorrt_efficiency if runtime == "tensorrt" else c.caffe_efficiency


def _at_full_clocks_s(kernel: _Kernel, c: Constants) -> float:
    """Return the kernel's time at full clocks, in s: libraries choose a kernel once, whatever the clocks are
    later.
    """
    bytes_per_s = c.dram_efficiency * c.emc_bytes_per_cycle * EMC_MAX_HZ
    return max(kernel.cycles / GPU_STEPS_HZ[-1], kernel.traffic_bytes / bytes_per_s)


def _filled(length: float, tile: float) -> float:
    """Return the length of the whole tiles that cover `length`."""
    return math.ceil(round(length) / tile) * tile
