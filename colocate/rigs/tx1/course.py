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


def served(course: Course, amounts: FloatArray, due_s: FloatArray) -> tuple[FloatArray, FloatArray]:
    """When inferences that have to do `amounts` (n,) and are due at `due_s` (n,), ascending, begin and when they are
    done: each begins when it is due, or as soon as the one before is done. One that is not done by the end of
    `course` has no such moment: not a number.
    """
    # Unrolled, as in `timing.timeline`: where the course stands when i is done is the sum of amounts up to i plus the
    # most of (where it stands when k is due - the sum before k), k <= i.
    together = np.cumsum(amounts)
    behind = np.maximum.accumulate(course.done_by(due_s) - (together - amounts))
    ends_s = course.reached_s(together + behind)
    begins_s: FloatArray = np.maximum(due_s, np.concatenate([[0.0], ends_s[:-1]]))
    return begins_s, ends_s
