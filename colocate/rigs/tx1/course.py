"""How fast something runs over a window, and when an amount of work is done."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from colocate.model.trial import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """The speed `per_s` (n,) between neighbouring `edges_s` (n + 1,), in inferences or units of a task's work per
    second.
    """

    edges_s: FloatArray
    per_s: FloatArray

    @property
    def done(self) -> FloatArray:
        """How much is done by each edge (n + 1,)."""
        return np.concatenate([[0.0], np.cumsum(self.per_s * np.diff(self.edges_s))])

    def done_by(self, moments_s: FloatArray) -> FloatArray:
        """Return how much is done by each of `moments_s` (m,)."""
        return np.interp(moments_s, self.edges_s, self.done)

    def reached_s(self, amounts: FloatArray) -> FloatArray:
        """Return when each of `amounts` (m,) is done, in s; NaN if it is not done by the end."""
        return np.interp(amounts, self.done, self.edges_s, right=np.nan)


def served(course: Course, amounts: FloatArray, due_s: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return when inferences begin and when they are done, in s, each (n,).

    They have to do `amounts` (n,) and are due at `due_s` (n,), ascending. Each begins when it is due, or later when
    the one before is done. Moments after the end of `course` are NaN.
    """
    # Without the recursion, as in `timing.timeline`: what `course` has done when i is done is the sum of amounts up
    # to i plus the largest of (what it has done when k is due - the sum before k), k <= i.
    together = np.cumsum(amounts)
    behind = np.maximum.accumulate(course.done_by(due_s) - (together - amounts))
    ends_s = course.reached_s(together + behind)
    begins_s: FloatArray = np.maximum(due_s, np.concatenate([[0.0], ends_s[:-1]]))
    return begins_s, ends_s
