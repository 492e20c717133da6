"""Building a network layer by layer, with the arithmetic and the names of Caffe's prototxt files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

# Versions that TensorRT 8.0 and ONNX Runtime 1.10 can read.
OPSET = 13
IR_VERSION = 8

BIAS_STD = 0.01


@dataclass(frozen=True, slots=True)
class Blob:
    """An activation of shape (batch, channels, size, size), or (batch, channels) if `size` is 0."""

    name: str
    channels: int
    size: int


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A network whose initializers have shapes but no data. `weight_std` has their standard deviations, by name."""

    model: ModelProto
    weight_std: Mapping[str, float]


def pooled_size(size: int, kernel: int, stride: int, pad: int) -> int:
    """Return the side of a feature map after Caffe's pooling (pooling_layer.cpp). It is rounded up, unless the last
    window would then begin in the padding.
    """
    pooled = -((size + 2 * pad - kernel) // -stride) + 1
    if pad and (pooled - 1) * stride >= size + pad:
        pooled -= 1
    return pooled


class Sketch:
    """A network that is being built. Each layer's method adds the layer and returns its output, which is named like
    the layer, as in Caffe.
    """

    def __init__(self, name: str, batch: int, channels: int, size: int) -> None:
        self._name = name
        self._batch = batch
        self._nodes: list[NodeProto] = []
        self._initializers: list[TensorProto] = []
        self._weight_std: dict[str, float] = {}
        self.data = Blob("data", channels, size)

    def conv(
        self,
        name: str,
        x: Blob,
        channels: int,
        kernel: int,
        *,
        stride: int = 1,
        pad: int = 0,
        groups: int = 1,
        gain: float = 1.0,
    ) -> Blob:
        """Add a convolution with bias. `gain` multiplies the standard deviation of its weights."""
        parameters = self._parameters(name, (channels, x.channels // groups, kernel, kernel), gain)
        self._add(
            "Conv", name, [x.name, *parameters],
            kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4, group=groups,
        )  # fmt: skip
        return Blob(name, channels, (x.size + 2 * pad - kernel) // stride + 1)

    def part(
        self, module: str, part: str, x: Blob, channels: int, kernel: int, *, stride: int = 1, pad: int = 0
    ) -> Blob:
        """Add a convolution and its ReLU inside a module, with the names from the prototxt files."""
        convolved = self.conv(f"{module}/{part}", x, channels, kernel, stride=stride, pad=pad)
        return self.relu(f"{module}/relu_{part.removesuffix('_s2')}", convolved)

    def fc(self, name: str, x: Blob, channels: int) -> Blob:
        """Add a fully connected layer with bias. Its input is flattened first, as in Caffe's InnerProduct."""
        flat = self.flatten(f"{name}/flatten", x) if x.size else x
        parameters = self._parameters(name, (channels, flat.channels), 1.0)
        self._add("Gemm", name, [flat.name, *parameters], transB=1)
        return Blob(name, channels, 0)

    def flatten(self, name: str, x: Blob) -> Blob:
        """Add a layer that flattens all maps of an image into one row of channels."""
        self._add("Flatten", name, [x.name], axis=1)
        return Blob(name, x.channels * x.size**2, 0)

    def relu(self, name: str, x: Blob) -> Blob:
        """Add max(x, 0)."""
        self._add("Relu", name, [x.name])
        return Blob(name, x.channels, x.size)

    def lrn(self, name: str, x: Blob) -> Blob:
        """Add a local response normalisation across 5 channels, with AlexNet's constants."""
        self._add("LRN", name, [x.name], size=5, alpha=1e-4, beta=0.75, bias=1.0)
        return Blob(name, x.channels, x.size)

    def max_pool(self, name: str, x: Blob, kernel: int, *, stride: int, pad: int = 0) -> Blob:
        """Add max pooling with Caffe's output size.

        Runtimes treat a last window that would begin in the padding differently. Caffe drops it, which gives the size
        rounded down. So `ceil_mode` is set only if the extra window begins inside the data.
        """
        size = pooled_size(x.size, kernel, stride, pad)
        rounded_down = (x.size + 2 * pad - kernel) // stride + 1
        self._add(
            "MaxPool", name, [x.name],
            kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4,
            ceil_mode=int(size > rounded_down),
        )  # fmt: skip
        return Blob(name, x.channels, size)

    def global_average_pool(self, name: str, x: Blob) -> Blob:
        """Add the mean of each channel's map: Caffe's last pooling, whose window is the whole map."""
        self._add("GlobalAveragePool", name, [x.name])
        return Blob(name, x.channels, 1)

    def concat(self, name: str, xs: Sequence[Blob]) -> Blob:
        """Add a layer that joins the channels of all inputs, in order."""
        self._add("Concat", name, [x.name for x in xs], axis=1)
        return Blob(name, sum(x.channels for x in xs), xs[0].size)

    def add(self, name: str, x: Blob, y: Blob) -> Blob:
        """Add the elementwise sum."""
        self._add("Add", name, [x.name, y.name])
        return Blob(name, x.channels, x.size)

    def softmax(self, name: str, x: Blob) -> Blob:
        """Add the softmax over the channels."""
        self._add("Softmax", name, [x.name], axis=1)
        return Blob(name, x.channels, x.size)

    def finished(self, output: Blob) -> Skeleton:
        """Return the network with `output` as its only output."""
        graph = helper.make_graph(
            self._nodes, self._name, [self._value(self.data)], [self._value(output)], self._initializers
        )
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, ir_version=IR_VERSION, opset_imports=[opset])
        return Skeleton(model, self._weight_std)

    def _add(self, kind: str, name: str, inputs: Sequence[str], **attributes: Any) -> None:
        self._nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))

    def _parameters(self, layer: str, shape: tuple[int, ...], gain: float) -> tuple[str, str]:
        """Declare a layer's weight and bias, and return their names.

        Weights have the variance 2 / fan-in, which keeps the mean square of the activations the same from layer to
        layer under ReLU: He et al., "Delving Deep into Rectifiers", 2015, equation 10.
        """
        weight, bias = f"{layer}/weight", f"{layer}/bias"
        for name, dims in ((weight, shape), (bias, shape[:1])):
            self._initializers.append(TensorProto(name=name, dims=dims, data_type=TensorProto.FLOAT))
        self._weight_std[weight] = gain * math.sqrt(2 / math.prod(shape[1:]))
        self._weight_std[bias] = BIAS_STD
        return weight, bias

    def _value(self, x: Blob) -> ValueInfoProto:
        shape = [self._batch, x.channels, x.size, x.size] if x.size else [self._batch, x.channels]
        return helper.make_tensor_value_info(x.name, TensorProto.FLOAT, shape)
