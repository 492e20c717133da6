"""How fast something runs in the course of a window, and when it is done with what it has to do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from colocate.model.trial import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """`per_s` (n,) from each of `edges_s` (n + 1,) to the next: inferences, or units of a task's work."""

    edges_s: FloatArray
    per_s: FloatArray

    @property
    def done(self) -> FloatArray:
        """How much is done by each of the edges (n + 1,)."""
        return np.concatenate([[0.0], np.cumsum(self.per_s * np.diff(self.edges_s))])

    def done_by(self, moments_s: FloatArray) -> FloatArray:
        """How much is done by each of `moments_s` (m,)."""
        return np.interp(moments_s, self.edges_s, self.done)

    def reached_s(self, amounts: FloatArray) -> FloatArray:
        """When each of `amounts` (m,) is done. What is not done by the end has no moment: not a number."""
        return np.interp(amounts, self.done, self.edges_s, right=np.nan)
