"""Bounding what runs in the groups of a seat: its CPUs, its weight against others, its quota; each read back.

The groups are temporary, so a bound goes with them, whatever ends the sweep (`groups.py`). Within a group the kernel
shares a CPU by the group's weight alone: the priority of a process says nothing to processes of another group.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from colocate.errors import HostError, KnobError
from colocate.host.cpus.cpu_list import parse_cpu_list
from colocate.model.containment import SHARES_MIN, WEIGHT_DEFAULT, Containment, group_shares, group_weight

RT_RUNTIME, _RT_PERIOD = "cpu.rt_runtime_us", "cpu.rt_period_us"
# How long the kernel may take to let go of a group.
_RELEASED_S = 2.0


def set_apart(group: Path, cpus: Sequence[int]) -> None:
    """Give the group these CPUs. Raises HostError where the kernel grants others."""
    (group / "cpuset.cpus").write_text(",".join(map(str, cpus)))
    names = ("cpuset.cpus.effective", "cpuset.effective_cpus")
    shown = next(group / name for name in names if (group / name).exists())
    granted = parse_cpu_list(shown.read_text())
    if granted != tuple(sorted(cpus)):
        raise HostError(f"{group}: asked for CPUs {tuple(cpus)}, the kernel granted {granted}")


def weigh(group: Path, cpus: Sequence[int], weight: int = WEIGHT_DEFAULT) -> None:
    """Make each process of the group count on its CPU like a process of that weight that is in no group.

    Where the cpu controller is on, a group's weight is spread over the CPUs that it keeps busy. A task on fifteen
    CPUs would have a fifteenth of it on each, and the network that shares one of them would get 94 % of that one.
    """
    if (group / "cpu.weight").exists():
        _set(group / "cpu.weight", str(group_weight(weight, len(cpus))))
    elif (group / "cpu.shares").exists():
        _set(group / "cpu.shares", str(group_shares(weight, len(cpus))))


def contain(groups: Sequence[Path], cpus: Sequence[int], containment: Containment | None) -> None:
    """Bound all that runs in the `groups` of a seat with these `cpus`; None lifts what bounded it before.

    Raises KnobError where the kernel refuses a bound, or shows another one afterwards.
    """
    bound = containment or Containment()
    own = bound.own_cpus(cpus)
    for group in groups:
        if (group / "cpuset.cpus").exists():
            set_apart(group, own)
        # An idle group has no weight to set.
        if (group / "cpu.idle").exists():
            _set(group / "cpu.idle", str(int(bound.idle)))
        if bound.idle and (group / "cpu.shares").exists() and not (group / "cpu.idle").exists():
            _set(group / "cpu.shares", str(SHARES_MIN))
        if not bound.idle:
            weigh(group, own, bound.weight or WEIGHT_DEFAULT)
        _give_quota(group, bound)


def allow_fifo(groups: Sequence[Path]) -> None:
    """Let processes of these groups have SCHED_FIFO. A group of cgroup v1 has no time for that unless it is given
    some of its parent's (Documentation/scheduler/sched-rt-group.rst of the kernel); this gives what others left.

    Raises HostError where that is nothing, and KnobError where the kernel refuses.
    """
    deadline_s = time.monotonic() + _RELEASED_S
    for group in groups:
        while (group / RT_RUNTIME).exists():
            try:
                _set(group / RT_RUNTIME, str(_rt_left_us(group)))
                break
            except KnobError:
                # A group that was removed a moment ago still has its part.
                if time.monotonic() > deadline_s:
                    raise
            time.sleep(0.01)


def _rt_left_us(group: Path) -> int:
    """What a group may have of its parent's time for real-time threads in each of its periods. Raises HostError."""
    beside = [knob.parent for knob in group.parent.glob(f"*/{RT_RUNTIME}") if knob.parent != group]
    left_ratio = _rt_ratio(group.parent) - sum(map(_rt_ratio, beside))
    left_us = int(left_ratio * int((group / _RT_PERIOD).read_text()))
    if left_us <= 0:
        parent = group.parent / RT_RUNTIME
        raise HostError(
            f"fifo: {parent} leaves no time to real-time threads; raise it, or lower that of groups beside"
        )
    return left_us


def _rt_ratio(group: Path) -> float:
    """The share of time that real-time threads of a group may take; without a limit it is all."""
    runtime_us = int((group / RT_RUNTIME).read_text())
    return 1.0 if runtime_us < 0 else runtime_us / int((group / _RT_PERIOD).read_text())


def _give_quota(group: Path, bound: Containment) -> None:
    quota_us, period_us = bound.quota_us
    if (group / "cpu.max").exists():
        _set(group / "cpu.max", f"{'max' if quota_us is None else quota_us} {period_us}")
    elif (group / "cpu.cfs_quota_us").exists():
        # A period that is too short for the old quota would be refused.
        _set(group / "cpu.cfs_quota_us", "-1")
        _set(group / "cpu.cfs_period_us", str(period_us))
        _set(group / "cpu.cfs_quota_us", "-1" if quota_us is None else str(quota_us))


def _set(knob: Path, value: str) -> None:
    try:
        knob.write_text(value)
        found = knob.read_text().strip()
    except OSError as error:
        raise KnobError(f"{knob}: the kernel refuses {value}: {error.strerror}") from error
    if found != value:
        raise KnobError(f"{knob}: wanted {value}, found {found}")
