"""Programs that start others, and whether those are gone."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from tests.cpu_workloads.conversation import eventually, is_running

Make = Callable[[Path], list[str]]

# A program whose grandchild ignores SIGTERM; the ids of both go to the file it is given.
_FAMILY = """
import os, signal, subprocess, sys, time
nap = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
grandchild = subprocess.Popen([sys.executable, "-c", nap], stdout=subprocess.PIPE)
grandchild.stdout.readline()
with open(sys.argv[1] + ".part", "w") as file:
    file.write(f"{os.getpid()} {grandchild.pid}")
os.rename(sys.argv[1] + ".part", sys.argv[1])
time.sleep(600)
"""

# A program with three descendants that leave its process group and session: a session of its own, one whose
# parent is dead, and that one's child. They burn CPU time; the program sleeps, or ends with the given code.
_DAEMONS = """
import os, signal, subprocess, sys, time
def burn():
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.write(report, f"{os.getpid()} ".encode())
    end_s = time.monotonic() + 30
    while time.monotonic() < end_s:
        pass
heard, report = os.pipe()
if os.fork() == 0:
    burn()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        if os.fork() == 0:
            burn()
        burn()
    os._exit(0)
pids = b""
while pids.count(b" ") < 3:
    pids += os.read(heard, 100)
with open(sys.argv[1] + ".part", "wb") as file:
    file.write(f"{os.getpid()} ".encode() + pids)
os.rename(sys.argv[1] + ".part", sys.argv[1])
if len(sys.argv) > 2:
    sys.exit(int(sys.argv[2]))
time.sleep(600)
"""


def daemons(pids_path: Path, *exit_code: str) -> list[str]:
    return [sys.executable, "-c", _DAEMONS, str(pids_path), *exit_code]


def family(pids_path: Path) -> list[str]:
    return [sys.executable, "-c", _FAMILY, str(pids_path)]


def pids(pids_path: Path) -> list[int]:
    assert eventually(pids_path.exists)
    return [int(pid) for pid in pids_path.read_text().split()]


def gone(pid: int) -> bool:
    return eventually(lambda: not is_running(pid))
