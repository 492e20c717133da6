"""Which design a study has: alternating windows, or steady ones alone.

An alternating study pauses and resumes its tasks inside each window; a steady one compares windows with and without a
task. If the study names no design, it follows from the tasks and from whether the machine can pause them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence

from colocate.errors import HostError, SpecError
from colocate.model.cell import Cell
from colocate.model.machine import HostFacts
from colocate.model.request import SweepSpec, Task
from colocate.model.trial import Trial

ALTERNATING, STEADY = "alternating", "steady"
DESIGNS = (ALTERNATING, STEADY)
# Keys that ask for alternating windows when a study alternates.
KEYS = ("design", "segment_ms")


def design_of(of: SweepSpec | Trial | Cell) -> str:
    """The design of a study, of one window, or of the windows that the slowdown of a cell comes from."""
    return ALTERNATING if of.alternating else STEADY


def alternates(design: str | None, segment_ms: float | None, tasks: Sequence[Task]) -> bool:
    """Whether a study with these keys alternates, if the machine can pause its `tasks`.

    Raises SpecError for keys that contradict each other or the tasks.
    """
    pausable = any(task.pause for task in tasks)
    if design == ALTERNATING and not pausable:
        raise SpecError("design: there is no task that may be paused; name one, or leave design out")
    alternating = pausable if design is None else design == ALTERNATING
    if segment_ms is not None and not alternating:
        why = "this study is steady" if pausable else "no task may be paused"
        other = ", or give --design alternating" if pausable else ""
        raise SpecError(f"segment_ms: only alternating windows have segments, and {why}; leave segment_ms out{other}")
    return alternating


def settled_design(spec: SweepSpec, asked: Collection[str], facts: HostFacts) -> SweepSpec:
    """Return `spec` with the design that a machine with these `facts` can run.

    `asked` are the keys that the user gave. Raises HostError if they ask for alternating windows and the machine
    cannot pause tasks.
    """
    if not spec.alternating or facts.pausing:
        return spec
    if not {*KEYS}.isdisjoint(asked):
        raise HostError("design: tasks cannot be paused on this machine; give --design steady")
    return dataclasses.replace(spec, alternating=False, segment_s=None)
