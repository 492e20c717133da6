"""Enter a seat, tie this process to its parent, and become a command: `launch.py PARENT SIGNAL CPUS CGROUPS
SCHEDULING USER COMMAND...`

`child.py` runs this file as a script. The parent could do the same between fork and exec, but code there is unsafe
beside threads. This happens before the command imports a framework, which sizes its thread pool by the affinity mask.

The kernel sends SIGNAL when the process PARENT dies. If PARENT is `-`, it sends none: the parent itself ends the
command. CPUS is a list with commas. CGROUPS are the `cgroup.procs` files to enter, with colons between, or `-`.
SCHEDULING is `idle` for the idle class, a number to add to the nice value, or `-`; all that the command starts
inherits it. USER is whom root becomes, as UID:GID:GROUPS with commas between the groups, or `-`.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import sys
import time

PR_SET_PDEATHSIG, PR_GET_PDEATHSIG = 1, 2  # linux/prctl.h
# sched(7): where the kernel groups processes by session, the nice value of the session counts against others. No
# session has a class, so the idle one is as nice as can be. Who is not root may set one every 100 ms.
_SESSION = "/proc/self/autogroup"
_NICE_MAX, _SESSION_TRIES, _SESSION_WAIT_S = 19, 30, 0.05


def main(arguments: list[str]) -> None:
    """Become the command. Exits with one line on stderr if the seat cannot be entered or the command cannot start."""
    parent, death_signal, cpu_list, cgroups, scheduling, user, *command = arguments
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
    if scheduling != "-":
        try:
            schedule(scheduling)
        except OSError as error:
            sys.exit(f"cannot be scheduled as asked ({scheduling}): {error.strerror}; run as root")
    if user != "-":
        try:
            become(user)
        except OSError as error:
            sys.exit(f"cannot become user {user.partition(':')[0]}: {error.strerror}")
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"cannot start {command[0]}: {error.strerror}")


def become(user: str) -> None:
    """Take the rights of that user and give up all others. Raises OSError if the kernel refuses."""
    uid, gid, groups = user.split(":")
    # This imports what execvp needs: the user may not be allowed to read this Python's files.
    os.get_exec_path()
    libc, parent, death_signal = ctypes.CDLL(None), os.getppid(), ctypes.c_int()
    libc.prctl(PR_GET_PDEATHSIG, ctypes.byref(death_signal))
    os.setgroups([int(group) for group in groups.split(",") if group])
    os.setresgid(*3 * (int(gid),))
    os.setresuid(*3 * (int(uid),))
    # The kernel forgets it with the former rights (prctl(2)).
    libc.prctl(PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent:
        sys.exit("the parent ended before its child began")


def schedule(scheduling: str) -> None:
    """Apply SCHEDULING to this process and its session. Raises OSError if the kernel refuses."""
    if scheduling == "idle":
        nice = _NICE_MAX
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        holds = os.sched_getscheduler(0) == os.SCHED_IDLE
    else:
        nice = int(scheduling)
        wanted = max(-20, min(os.getpriority(os.PRIO_PROCESS, 0) + nice, _NICE_MAX))
        os.setpriority(os.PRIO_PROCESS, 0, wanted)
        holds = os.getpriority(os.PRIO_PROCESS, 0) == wanted
    if not holds:
        raise OSError(errno.EPERM, "the kernel kept it as it was")
    if os.path.exists(_SESSION):  # noqa: PTH110 - as above
        _make_session(nice)


def _make_session(nice: int) -> None:
    for left in reversed(range(_SESSION_TRIES)):
        try:
            with open(_SESSION, "w") as session:  # noqa: PTH123 - as above
                session.write(str(nice))
            break
        except OSError as error:
            if error.errno != errno.EAGAIN or not left:
                raise
            time.sleep(_SESSION_WAIT_S)
    with open(_SESSION) as session:  # noqa: PTH123 - as above
        # `/autogroup-7 nice 19`
        if int(session.read().split()[-1]) != nice:
            raise OSError(errno.EPERM, "the kernel kept its session as it was")


if __name__ == "__main__":
    main(sys.argv[1:])
