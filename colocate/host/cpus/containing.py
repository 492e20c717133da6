"""Limits on the cgroups of a seat (where a child process runs): CPUs, weight and quota. Each is read back.

The cgroups are temporary (`groups.py`), so a limit ends with them, however the sweep ends. Between cgroups the kernel
shares a CPU by their weights alone: the priority of a process counts only within its own cgroup.
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
    """Give the cgroup these CPUs. Raises HostError if the kernel grants others."""
    (group / "cpuset.cpus").write_text(",".join(map(str, cpus)))
    names = ("cpuset.cpus.effective", "cpuset.effective_cpus")
    shown = next(group / name for name in names if (group / name).exists())
    granted = parse_cpu_list(shown.read_text())
    if granted != tuple(sorted(cpus)):
        raise HostError(f"{group}: asked for CPUs {tuple(cpus)}, the kernel granted {granted}")


def weigh(group: Path, cpus: Sequence[int], weight: int = WEIGHT_DEFAULT) -> None:
    """Set the weight of the cgroup so that each of its processes gets as much of its CPU as a process of weight
    `weight` outside all cgroups.

    The kernel spreads a cgroup's weight over the CPUs that the cgroup keeps busy. Uncorrected, a task on fifteen CPUs
    would have a fifteenth of its weight on each, and a network that shares one of them would get 94 % of that CPU.
    """
    if (group / "cpu.weight").exists():
        _set(group / "cpu.weight", str(group_weight(weight, len(cpus))))
    elif (group / "cpu.shares").exists():
        _set(group / "cpu.shares", str(group_shares(weight, len(cpus))))


def contain(groups: Sequence[Path], cpus: Sequence[int], containment: Containment | None) -> None:
    """Apply `containment` to all that runs in `groups`, the cgroups of a seat with these `cpus`; None lifts the
    limits.

    Raises KnobError if the kernel refuses a limit or shows another one afterwards, and HostError if it grants other
    CPUs.
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
    """Let processes of these cgroups use SCHED_FIFO. A cgroup v1 has no time for that unless it is given some of its
    parent's (the kernel's Documentation/scheduler/sched-rt-group.rst). This gives it all that its siblings leave.

    Raises HostError if they leave nothing, and KnobError if the kernel refuses.
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
    """Return how much of its parent's real-time budget the cgroup may have, in us per period. Raises HostError if
    none is left.
    """
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
    """Return the share of time that real-time threads of a cgroup may take, from 0 to 1; 1 if there is no limit."""
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
