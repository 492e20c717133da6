"""Random weights. Latency and power do not depend on what a network has learnt, but on shapes, and on numbers being
neither zero, infinite nor denormal.
"""

from __future__ import annotations

import numpy as np
from onnx import ModelProto

from colocate.inference.networks.topologies.sketch import Skeleton


def filled(skeleton: Skeleton, seed: int) -> ModelProto:
    """Return the network with Gaussian float32 weights of the standard deviations in `skeleton`, drawn from `seed`.
    They are the same for every batch size.
    """
    model = ModelProto()
    model.CopyFrom(skeleton.model)
    rng = np.random.default_rng(seed)
    for tensor in model.graph.initializer:
        values = rng.standard_normal(tuple(tensor.dims), dtype=np.float32)
        values *= skeleton.weight_std[tensor.name]
        tensor.raw_data = values.tobytes()
    return model
