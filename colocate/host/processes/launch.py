"""Enters its seat, ties its life to the parent's, then becomes the command:
`launch.py PARENT SIGNAL CPUS CGROUPS COMMAND...`

Run as a script by `child.py`, not imported. It does what could be done between fork and exec in the parent,
where code is not safe beside threads, and it is done before the command imports a framework that sizes its
thread pool from the affinity mask. CGROUPS are the `cgroup.procs` files to enter, with colons between, or `-`. PARENT
is `-`, and SIGNAL then says nothing, where the parent has seen to it that the command dies with it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(arguments: list[str]) -> None:
    """Become the command; exits with one line on stderr when the CPUs cannot be entered."""
    parent, death_signal, cpu_list, cgroups, *command = arguments
    if parent != "-":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.Signals[death_signal])
        if os.getppid() != int(parent):
            sys.exit("the parent ended before its child began")
    cpus = {int(cpu) for cpu in cpu_list.split(",")}
    try:
        for cgroup in cgroups.split(":") if cgroups != "-" else ():
            with open(cgroup, "w") as procs:  # noqa: PTH123 - pathlib costs 10 ms at each start of a child
                procs.write(str(os.getpid()))
        os.sched_setaffinity(0, cpus)
    except OSError as error:
        sys.exit(f"cannot enter CPUs {cpu_list}: {error}")
    seen = os.sched_getaffinity(0)
    if seen != cpus:
        sys.exit(f"asked for CPUs {cpu_list}, the kernel granted {','.join(map(str, sorted(seen)))}")
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"cannot start {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
