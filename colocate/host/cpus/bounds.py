"""Which containments (limits on a task's use of CPUs) this machine does not have, why, and how to fix it."""

from __future__ import annotations

import os
from pathlib import Path

from colocate.host.cpus.containing import RT_RUNTIME
from colocate.host.cpus.cpuset import Confinement
from colocate.host.cpus.groups import Hierarchy, groups_have
from colocate.host.processes.priority import fifo_missing
from colocate.model.machine import Missing

# The first kernel whose cgroup v2 has cpu.idle. In v1 the least share stands for it.
_IDLE_SINCE = (5, 15)
# This file exists if the kernel's cgroups can have quotas (CONFIG_CFS_BANDWIDTH).
_QUOTAS = Path("/proc/sys/kernel/sched_cfs_bandwidth_slice_us")


def missing_bounds(confinement: Confinement, quotas: Path = _QUOTAS) -> dict[str, Missing]:
    """Return the kinds of containment that this machine does not have, by their names in `containment.KINDS`.
    `weight` and `cpus` are never missing: without cgroups, nice values and affinity replace them.
    """
    found = {
        "idle": _idle_missing(confinement.shares),
        "quota": _quota_missing(confinement.shares, quotas),
        "fifo": _fifo_missing(confinement.shares),
    }
    return {kind: missing for kind, missing in found.items() if missing is not None}


def _idle_missing(shares: Hierarchy | None) -> Missing | None:
    if shares is None or shares.version == 1 or groups_have(shares.folder, "cpu.idle", _IDLE_SINCE):
        return None
    return Missing(f"cgroup v2 of Linux {os.uname().release} has no cpu.idle", "use weight=1, or Linux 5.15 or later")


def _fifo_missing(shares: Hierarchy | None) -> Missing | None:
    knob = None if shares is None else shares.folder / RT_RUNTIME
    if knob is not None and knob.exists() and int(knob.read_text()) == 0:
        return Missing(f"{knob} is 0: no real-time threads below", f"echo 950000 >{knob} (its parents' first)")
    return fifo_missing()


def _quota_missing(shares: Hierarchy | None, quotas: Path) -> Missing | None:
    if shares is None:
        return Missing(
            "no cgroup tree here has a cpu controller for it",
            "run as root, where a cgroup tree with the cpu controller can be written",
        )
    if not quotas.exists():
        return Missing("the kernel was built without CONFIG_CFS_BANDWIDTH", "use weight or idle, or another kernel")
    return None
