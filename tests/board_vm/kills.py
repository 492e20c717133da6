"""Runs in the guest: ends alternating sweeps at random moments, and compares every knob with what it was.

`kills.py COUNT SEED` prints JSON. What a killed sweep left paused counts as alive. The sweep is forked from this
process, which has imported everything once: without KVM the imports take longer than the sweep needs to reach any
state worth being killed in.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from colocate.cli import run
from colocate.commands import find_commands

MARK = b"COLOCATE_KILLS=1"
WAYS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGKILL", "SIGKILL both, then restore")
# For knobs to be back and children to be gone. A child that was just being started sees that its parent is gone once
# Python is up, which takes seconds here, and more where the host is busy.
GONE_S = 60.0
PATTERNS = (
    "sys/devices/system/cpu/cpufreq/policy*/scaling_min_freq",
    "sys/devices/system/cpu/cpufreq/policy*/scaling_max_freq",
    "sys/devices/system/cpu/cpufreq/policy*/scaling_governor",
    "sys/class/devfreq/*/min_freq",
    "sys/class/devfreq/*/max_freq",
    "sys/class/devfreq/*/governor",
    "sys/fs/cgroup/cgroup.subtree_control",
    "sys/fs/cgroup/**/colocate-*",
)
SWEEP = [
    "sweep", "--backend", "synthetic", "--networks", "spin-1ms,spin-2ms", "--stressors", "stringsearch",
    "--cpu-clocks", "low,mid,high", "--gpu-clocks", "low,mid,high", "--repeats", "4", "--window", "0.03",
    "--warmup", "0", "--settle", "0", "--design", "alternating", "--quiet", "--json",
    "--containment", "idle,quota=50%/10",
]  # fmt: skip


def _present(pattern: str) -> list[Path]:
    """What matches now; `Path.glob` fails where a group vanishes while it is looked at."""
    return [Path(path) for path in glob.glob(pattern, recursive=True)]  # noqa: PTH207


def knobs() -> dict[str, str]:
    found = {}
    for pattern in PATTERNS:
        for path in _present(f"/{pattern}"):
            with contextlib.suppress(OSError):
                found[str(path)] = "a folder" if path.is_dir() else path.read_text()
    return found


def alive(needle: bytes, file: str) -> list[int]:
    """Processes other than this one with `needle` in a file of theirs, zombies left out."""
    pids = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if int(folder.name) != os.getpid() and needle in (folder / file).read_bytes():
                pids.append(int(folder.name))
    return pids


def described(pid: int) -> str:
    """What it runs, where it waits, and whether it is paused: stopped by a signal, or in a frozen group."""
    seen = []
    for file in ("cmdline", "stat", "wchan", "stack", "cgroup"):
        with contextlib.suppress(OSError):
            seen.append(Path(f"/proc/{pid}/{file}").read_text(errors="replace").replace("\0", " "))
    for group in _present("/sys/fs/cgroup/**/colocate-*"):
        with contextlib.suppress(OSError):
            if str(pid) in (group / "cgroup.procs").read_text().split():
                seen.append(f"{group}: {(group / 'cgroup.events').read_text()}")
    return "; ".join(seen)


def forked(arguments: list[str], log: Path) -> int:
    pid = os.fork()
    if pid == 0:
        # As the main program does until the command line takes over.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        code = 1
        try:
            code = run(arguments)
        finally:
            os._exit(code)
    return pid


def ended(pid: int) -> int:
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def end(way: str, pid: int, log: Path) -> int:
    if not way.startswith("SIGKILL"):
        os.kill(pid, getattr(signal, way))
        return ended(pid)
    watchdogs = alive(b"colocate.host.restore.watchdog", "cmdline") if "both" in way else []
    for each in (*watchdogs, pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
    code = ended(pid)
    if "both" in way:
        return ended(forked(["restore"], log))
    return code


def difference(before: dict[str, str]) -> dict[str, list[str | None]]:
    after = knobs()
    return {
        path: [before.get(path), after.get(path)] for path in before | after if before.get(path) != after.get(path)
    }


def is_paused() -> bool:
    """Whether a group of a sweep is frozen now."""
    for freeze in _present("/sys/fs/cgroup/**/colocate-*/cgroup.freeze"):
        with contextlib.suppress(OSError):
            if freeze.read_text().strip() == "1":
                return True
    return False


def wait_for_a_change(before: dict[str, str], pid: int) -> None:
    """Until the sweep has begun to change the machine, or has ended."""
    look = os.WEXITED | os.WNOWAIT | os.WNOHANG
    while not difference(before) and os.waitid(os.P_PID, pid, look) is None:
        time.sleep(0.01)


def main(count: int, seed: int) -> None:
    os.environ["COLOCATE_KILLS"] = "1"
    # Imports every command, for the children as well.
    find_commands()
    moments = random.Random(seed)
    before = knobs()
    residues, pinned, paused, slowest_s = [], 0, 0, 0.0
    codes: dict[str, list[int]] = {way: [] for way in WAYS}
    with TemporaryDirectory() as folder:
        log = Path(folder, "log")
        for kill in range(count):
            way = WAYS[kill % len(WAYS)]
            pid = forked([*SWEEP, "--out", f"{folder}/{kill}"], log)
            if moments.random() < 0.25:
                time.sleep(moments.uniform(0.0, 4.0))
            else:
                wait_for_a_change(before, pid)
                time.sleep(moments.uniform(0.0, 1.0))
            pinned += bool(difference(before))
            paused += is_paused()
            codes[way].append(end(way, pid, log))
            ended_s = time.monotonic()
            while (left := difference(before)) and time.monotonic() < ended_s + GONE_S:
                time.sleep(0.01)
            slowest_s = max(slowest_s, time.monotonic() - ended_s)
            while (orphans := alive(MARK, "environ")) and time.monotonic() < ended_s + GONE_S:
                time.sleep(0.01)
            if left or orphans:
                residues.append({"kill": kill, "way": way, "left": left, "orphans": list(map(described, orphans))})
                ended(forked(["restore"], log))
        said = log.read_text()
    print(
        json.dumps(
            {
                "kills": count,
                "changed_when_killed": pinned,
                "paused_when_killed": paused,
                "residues": residues,
                "slowest_s": slowest_s,
                "codes": codes,
                "tracebacks": said.count("Traceback"),
                "log": said[-4000:],
            }
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
