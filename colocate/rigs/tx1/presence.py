"""When one side of a window (network or task) runs, and how strongly a slow machine feels it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from colocate.model.trial import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Presence:
    """Whether a side runs between neighbouring `edges_s` (n + 1,): `runs` (n,)."""

    edges_s: FloatArray
    runs: npt.NDArray[np.bool_]

    def at(self, moments_s: FloatArray) -> npt.NDArray[np.bool_]:
        """Return whether it runs at each of `moments_s` (m,), all within the window."""
        return self.runs[self._parts(moments_s)]

    def felt(self, moments_s: FloatArray, ramp_s: float) -> FloatArray:
        """Return how strongly its presence is felt at `moments_s` (m,), from 0 to 1, after a low pass with the time
        constant `ramp_s`.

        The low pass begins at the mean, because windows like this one went before.
        """
        at, present, edges_s = self._parts(moments_s), self.runs.astype(np.float64), self.edges_s
        if not ramp_s:
            return present[at]
        before = [float(np.average(present, weights=np.diff(edges_s)))]
        for there, length_s in zip(present.tolist(), np.diff(edges_s).tolist(), strict=True):
            before.append(there + (before[-1] - there) * math.exp(-length_s / ramp_s))
        gone = np.exp(-(moments_s - edges_s[at]) / ramp_s)
        felt: FloatArray = present[at] + (np.array(before)[at] - present[at]) * gone
        return felt

    def _parts(self, moments_s: FloatArray) -> npt.NDArray[np.intp]:
        return np.searchsorted(self.edges_s[1:-1], moments_s, side="right")
