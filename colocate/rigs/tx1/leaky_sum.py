"""A first-order recursion, for autocorrelated noise and a meter's running average."""

from __future__ import annotations

import numpy as np

from colocate.model.trial import FloatArray


def leaky_sum(values: FloatArray, kept: float, before: float = 0.0) -> FloatArray:
    """Return sum[i] = values[i] + kept * sum[i - 1] (n,), where the sum begins at `before`.

    This is a loop: scipy's filter gives the same numbers, but takes longer to import than filtering 81 cells takes.
    """
    last = before
    return np.array([last := value + kept * last for value in values.tolist()], dtype=np.float64)
