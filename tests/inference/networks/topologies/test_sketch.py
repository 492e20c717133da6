from __future__ import annotations

import math

import numpy as np
import onnx
from hypothesis import assume, given
from hypothesis import strategies as st

from colocate.inference.networks.topologies.sketch import Sketch
from tests.inference.session import session


@given(size=st.integers(1, 40), kernel=st.integers(1, 5), data=st.data())
def test_pooled_maps_are_caffes(size: int, kernel: int, data: st.DataObject) -> None:
    stride = data.draw(st.integers(1, kernel), "stride")
    pad = data.draw(st.integers(0, kernel - 1), "pad")
    assume(size + 2 * pad >= kernel)
    pooled = math.ceil((size + 2 * pad - kernel) / stride) + 1
    if pad and (pooled - 1) * stride >= size + pad:
        pooled -= 1

    net = Sketch("net", 1, 1, size)
    output = net.max_pool("pool", net.data, kernel, stride=stride, pad=pad)
    assert output.size == pooled
    model = net.finished(output).model
    onnx.checker.check_model(model, full_check=True)
    x = np.random.default_rng(size).standard_normal((1, 1, size, size), dtype=np.float32)
    (y,) = session(model.SerializeToString()).run(None, {"data": x})
    starts = [i * stride - pad for i in range(pooled)]
    windows = [slice(max(start, 0), start + kernel) for start in starts]
    expected = [[x[0, 0, rows, columns].max() for columns in windows] for rows in windows]
    np.testing.assert_array_equal(y[0, 0], np.array(expected))
