from __future__ import annotations

import numpy as np
import pytest

from colocate.errors import SpecError
from colocate.inference.onnx.graph import Layer
from colocate.model.request import Inference
from colocate.rigs.tx1.constants import Constants
from colocate.rigs.tx1.kernels import kernels
from tests.rigs.tx1.board import MODEL

C = Constants()


def test_caffe_runs_the_operations_of_resnet_that_the_graph_has_folded() -> None:
    work = MODEL.work(Inference("resnet152", "caffe"))
    convolutions = [i for i, layer in enumerate(work.layers) if layer.kind == "Conv"]
    launches = {int(i): int(n) for i, n in zip(*np.unique(work.kernels.layer, return_counts=True), strict=True)}
    assert {launches[i] for i in convolutions} == {1 + 1 + 12 + 2}
    alexnet = MODEL.work(Inference("alexnet", "caffe"))
    assert len(alexnet.kernels.macs) < 2 * len(alexnet.layers)


@pytest.mark.parametrize("network", ["alexnet", "googlenet", "resnet152"])
def test_tensorrt_launches_one_kernel_per_fused_layer(network: str) -> None:
    work = MODEL.work(Inference(network, "tensorrt"))
    heavy = sum(layer.kind in ("Conv", "Gemm") for layer in work.layers)
    others = sum(layer.kind in ("MaxPool", "GlobalAveragePool", "LRN", "Softmax") for layer in work.layers)
    assert len(work.kernels.macs) == heavy + others


@pytest.mark.parametrize("backend", ["tensorrt", "caffe"])
def test_no_multiplication_is_lost(backend: str) -> None:
    work = MODEL.work(Inference("googlenet", backend, "fp32", 2))
    nominal = sum(layer.macs or 0 for layer in work.layers)
    assert nominal <= work.kernels.macs.sum() < 1.5 * nominal


def test_an_odd_image_in_halves_takes_the_time_of_two() -> None:
    def cycles(batch: int) -> float:
        work = MODEL.work(Inference("googlenet", "tensorrt", "fp16", batch))
        convolves = np.isin(work.kernels.layer, [i for i, la in enumerate(work.layers) if la.kind == "Conv"])
        return float(work.kernels.cycles[convolves].sum())

    assert cycles(1) == cycles(2)
    assert cycles(3) == cycles(4) > cycles(2)


def test_a_layer_of_unknown_work_is_refused_by_name() -> None:
    layer = Layer("lstm1", "LSTM", None, (), (), (), ())
    with pytest.raises(SpecError, match="lstm1"):
        kernels([layer], Inference("x", "tensorrt"), C)
