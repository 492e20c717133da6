"""Weights of a fixed seed, with which every activation of the built-in networks says something in FP16 too."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnx
import pytest

from colocate.inference.networks.catalogue import resolve
from colocate.inference.networks.network import Network
from colocate.worker.inputs import input_arrays
from colocate.worker.request import TensorSpec
from tests.inference.session import session

FP16_MAX = 65504


def activations(network: Network, kinds: set[str]) -> dict[str, npt.NDArray[np.float32]]:
    """What the layers of the given kinds put out, and the network's own output."""
    model = onnx.load(network.path)
    names = [n.output[0] for n in model.graph.node if n.op_type in kinds and n.output[0] != "prob"]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    outputs = session(model.SerializeToString()).run(["prob", *names], input_arrays(network.file))
    return dict(zip(["prob", *names], outputs, strict=True))


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize(
    ("name", "size", "kinds"),
    # VGG-16 has alexnet's layers and a file of half a gigabyte: its skeleton must do.
    [
        ("alexnet", 227, {"Conv", "Gemm"}),
        ("googlenet", 224, {"Conv", "Gemm"}),
        ("resnet152", 224, {"Add", "Gemm"}),
        ("resnet50", 224, {"Add", "Gemm"}),
        ("squeezenet1_0", 227, {"Conv"}),
        ("squeezenet1_1", 227, {"Conv"}),
    ],
)
def test_every_activation_fits_fp16_and_says_something(name: str, size: int, kinds: set[str]) -> None:
    network = resolve(name, 1)
    assert network.name == name
    assert network.inputs == (TensorSpec("data", (1, 3, size, size), "float32"),)
    seen = activations(network, kinds)
    assert seen["prob"].shape == (1, 1000)
    assert seen["prob"].sum() == pytest.approx(1, abs=1e-4)
    assert seen.pop("prob").std() > 1e-3
    for layer, activation in seen.items():
        # A tenth of the range is left to sums and to other inputs.
        assert np.abs(activation).max() < FP16_MAX / 10, layer
        # Far above the smallest normal fp16, 6e-5.
        assert activation.std() > 0.1, layer


@pytest.mark.usefixtures("shared")
def test_a_batch_changes_shapes_and_no_weight() -> None:
    one, three = resolve("googlenet", 1), resolve("googlenet", 3)
    assert one.macs is not None and three.macs == 3 * one.macs
    assert (three.parameters, three.inputs[0].shape) == (one.parameters, (3, 3, 224, 224))
    assert one.sha256 != three.sha256
    weights = [{w.name: w.raw_data for w in onnx.load(n.path).graph.initializer} for n in (one, three)]
    assert weights[0] == weights[1]
    images = input_arrays(three.file)["data"]
    (together,) = session(str(three.path)).run(None, {"data": images})
    assert together.shape == (3, 1000)
    (alone,) = session(str(one.path)).run(None, {"data": images[1:2]})
    np.testing.assert_allclose(together[1:2], alone, rtol=1e-3, atol=1e-5)
