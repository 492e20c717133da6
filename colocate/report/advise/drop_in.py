"""How to set a containment permanently: with a systemd drop-in, or by writing the files of a cgroup.

The settings of systemd are described in systemd.resource-control(5), the files of a cgroup in the kernel's
Documentation/admin-guide/cgroup-v2.rst and Documentation/scheduler/sched-bwc.rst.
"""

from __future__ import annotations

from collections.abc import Sequence

from colocate.model.containment import (
    QUOTA_PERIOD_S,
    SHARES_MIN,
    WEIGHT_DEFAULT,
    Containment,
    group_shares,
    group_weight,
)
from colocate.model.number_ranges import number_ranges


def drop_in(containment: Containment | None, cpus: Sequence[int], *, shared: bool = True) -> list[str]:
    """The lines of a systemd drop-in that gives a service on these CPUs the containment of the task in the study.

    If the CPUs are not `shared` with the network, there is nothing to weigh the task against: then the drop-in has no
    weight unless the containment has one.
    """
    bound = containment or Containment()
    own = bound.own_cpus(cpus)
    weight = _weight(bound, len(own))
    lines = ["[Service]", f"AllowedCPUs={number_ranges(own)}"]
    if weight is None:
        lines.append("CPUWeight=idle")
    elif weight != WEIGHT_DEFAULT and _weighs(bound, shared=shared):
        lines.append(f"CPUWeight={weight}")
    if bound.quota_ratio is not None:
        # Systemd takes two decimals.
        lines.append(f"CPUQuota={f'{100 * bound.quota_ratio:.2f}'.rstrip('0').rstrip('.')}%")
        if bound.quota_period_s != QUOTA_PERIOD_S:
            lines.append(f"CPUQuotaPeriodSec={_systemd_time(bound.quota_period_s)}")
    return lines


def version_2_writes(containment: Containment | None, cpus: Sequence[int], *, shared: bool = True) -> list[str]:
    """Shell commands that set with cgroup v2 what `drop_in` sets with systemd."""
    bound = containment or Containment()
    own, (quota_us, period_us) = bound.own_cpus(cpus), bound.quota_us
    weight = _weight(bound, len(own))
    weighed = "echo 1 > TASK/cpu.idle" if weight is None else f"echo {weight} > TASK/cpu.weight"
    return [
        "cd /sys/fs/cgroup && echo '+cpuset +cpu' > cgroup.subtree_control",
        "mkdir -p TASK",
        f"echo {number_ranges(own)} > TASK/cpuset.cpus",
        *([weighed] if _weighs(bound, shared=shared) else []),
        *([] if quota_us is None else [f"echo '{quota_us} {period_us}' > TASK/cpu.max"]),
        "echo PID > TASK/cgroup.procs",
    ]


def version_1_writes(containment: Containment | None, cpus: Sequence[int], *, shared: bool = True) -> list[str]:
    """Shell commands that set this with cgroup v1, where each controller has a tree of its own."""
    bound = containment or Containment()
    own, (quota_us, period_us) = bound.own_cpus(cpus), bound.quota_us
    shares = group_shares(bound.weight or WEIGHT_DEFAULT, len(own))
    # Linux has cpu.idle in version 1, too, from 5.15 on.
    idle = f"echo 1 > cpu/TASK/cpu.idle || echo {SHARES_MIN} > cpu/TASK/cpu.shares"
    return [
        "cd /sys/fs/cgroup && mkdir -p cpuset/TASK cpu/TASK",
        "cat cpuset/cpuset.mems > cpuset/TASK/cpuset.mems",
        f"echo {number_ranges(own)} > cpuset/TASK/cpuset.cpus",
        *([idle if bound.idle else f"echo {shares} > cpu/TASK/cpu.shares"] if _weighs(bound, shared=shared) else []),
        *([] if quota_us is None else [f"echo {period_us} > cpu/TASK/cpu.cfs_period_us"]),
        *([] if quota_us is None else [f"echo {quota_us} > cpu/TASK/cpu.cfs_quota_us"]),
        "echo PID | tee cpuset/TASK/cgroup.procs cpu/TASK/cgroup.procs",
    ]


def thread_writes(containment: Containment | None) -> list[str]:
    """The shell command that gives the network's launching thread real-time priority; empty if not asked for."""
    # The least priority of SCHED_FIFO is before all that is not of a real-time class; chrt(1).
    return ["chrt --fifo --pid 1 TID"] if containment is not None and containment.fifo else []


def remarks(containment: Containment | None, cpus: Sequence[int], *, shared: bool = True) -> list[str]:
    """Sentences on what else the settings need to do what they did in the study: versions, slices, threads."""
    bound = containment or Containment()
    count = len(bound.own_cpus(cpus))
    weight = _weight(bound, count)
    takes = ["AllowedCPUs= needs cgroup v2 and systemd 244"]
    takes += ["CPUWeight=idle systemd 252 and Linux 5.15"] if bound.idle else []
    takes += ["CPUQuotaPeriodSec= systemd 242"] if bound.quota_period_s != QUOTA_PERIOD_S else []
    said = [f"{', '.join(takes)}."]
    if bound.idle:
        said.append("Idle gives way within its slice only: run the network's service in the task's slice.")
    elif _weighs(bound, shared=shared):
        each = bound.weight or WEIGHT_DEFAULT
        spread = f"CPUWeight= is shared by the CPUs that a service keeps busy: {each} for each of them."
        said += [spread] if count > 1 and weight == each * count else []
        said.append("Weights compare services of one slice: run the network's service in the task's slice.")
    if bound.fifo:
        said.append(
            "Fifo is for the launching thread, TID, alone: CPUSchedulingPolicy=fifo gives it to all of a service."
        )
    return said


def _weighs(bound: Containment, *, shared: bool) -> bool:
    return shared or bound.idle or bound.weight is not None


def _weight(bound: Containment, cpus: int) -> int | None:
    """The weight of the task's cgroup on so many `cpus`, by `group_weight`; None if the task is idle."""
    return None if bound.idle else group_weight(bound.weight or WEIGHT_DEFAULT, cpus)


def _systemd_time(seconds: float) -> str:
    us = round(seconds * 1e6)
    return f"{us}us" if us % 1000 else f"{us // 1000}ms"
