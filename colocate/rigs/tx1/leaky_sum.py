"""A first-order recursion, for autocorrelated noise and a meter's running average."""

from __future__ import annotations

import numpy as np

from colocate.model.trial import FloatArray


def leaky_sum(values: FloatArray, kept: float, before: float = 0.0) -> FloatArray:
    """Return the sums (n,) of the recursion sum[i] = values[i] + kept * sum[i - 1], which begins with `before`."""
    # A loop: scipy's filter gives the same numbers, but its import takes longer than all loops of 81 cells.
    last = before
    return np.array([last := value + kept * last for value in values.tolist()], dtype=np.float64)
