"""The networks that show a machine's ceilings run, and do what is counted of them."""

from __future__ import annotations

from typing import get_args

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from colocate.inference.onnx import ceilings, graph
from colocate.model.purpose import CeilingQuantity


@pytest.mark.parametrize("quantity", get_args(CeilingQuantity))
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_probe_runs(quantity: CeilingQuantity, precision: str) -> None:
    session = ort.InferenceSession(ceilings.model(quantity, 8, precision), providers=["CPUExecutionProvider"])
    dtype = {"fp32": np.float32, "fp16": np.float16}[precision]
    (found,) = session.run(None, {"row": np.linspace(-1, 1, 8, dtype=dtype).reshape(1, 8)})
    assert np.isfinite(found).all() and found.dtype == dtype
    assert "colocate.resident" in session.get_modelmeta().custom_metadata_map


def test_what_is_counted_is_what_the_graph_does() -> None:
    flop, moved, nothing = ceilings.probes(on_gpu=False)
    (product,) = [x for x in graph.layers(onnx.load_from_string(ceilings.model(flop.quantity, flop.size))) if x.macs]
    assert 2 * (product.macs or 0) == flop.amount
    layers = graph.layers(onnx.load_from_string(ceilings.model(moved.quantity, moved.size)))
    elements = [(layer.input_elements or 0) + (layer.output_elements or 0) for layer in layers]
    # The row at the beginning and the number at the end are nothing beside the matrices.
    assert sum(elements) == pytest.approx(moved.amount, rel=1e-3)
    assert nothing.amount == 0
