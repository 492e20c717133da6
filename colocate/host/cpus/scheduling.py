"""How a process shares its CPU if no cgroup gives it a weight: by scheduling class and nice value, from its launch
on.

Both act only between processes of one cgroup. If colocate's cgroups have no cpu controller, the network and the tasks
are in the same one.
"""

from __future__ import annotations

import dataclasses
import math

from colocate.model.containment import WEIGHT_DEFAULT, Containment

# kernel/sched/core.c, sched_prio_to_weight: each step of nice is a factor of 1.25, and there are 40 of them.
_STEP, _NICE_MIN, _NICE_MAX = 1.25, -20, 19
# What `launch.py` takes: a class, or steps of nice.
AS_IT_IS, IDLE = "-", "idle"


def at_launch(containment: Containment | None, *, by_class: bool, cpus_too: bool) -> Containment | None:
    """Return the part of a containment that is set when a process starts, and so needs processes of its own; None if
    there is none.

    `by_class` includes `idle` and `weight` in it, and `cpus_too` the number of CPUs.
    """
    if containment is None:
        return None
    part = dataclasses.replace(
        containment,
        idle=containment.idle and by_class,
        weight=containment.weight if by_class else None,
        cpus=containment.cpus if cpus_too else None,
        quota_ratio=None,
        fifo=False,
    )
    return part if part.kinds else None


def scheduling(containment: Containment | None) -> str:
    """Return the scheduling of a process in that containment, as `launch.py` takes it."""
    if containment is None:
        return AS_IT_IS
    if containment.idle:
        return IDLE
    return AS_IT_IS if containment.weight is None else str(nice_steps(containment.weight))


def nice_steps(weight: int) -> int:
    """Return the nearest number of nice steps that gives a process `weight` if others have 100."""
    steps = round(-math.log(weight / WEIGHT_DEFAULT) / math.log(_STEP))
    return max(_NICE_MIN, min(steps, _NICE_MAX))
