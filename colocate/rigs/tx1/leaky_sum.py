"""A first-order recursion: noise that remembers, and a meter's running average."""

from __future__ import annotations

import numpy as np

from colocate.model.trial import FloatArray


def leaky_sum(values: FloatArray, kept: float, before: float = 0.0) -> FloatArray:
    """Each of `values` (n,) plus so much of the sum before it, which begins at `before`.

    A loop: scipy's filter gives the same numbers, and takes longer to import than a study of 81 cells to filter.
    """
    last = before
    return np.array([last := value + kept * last for value in values.tolist()], dtype=np.float64)
