"""A process that ends with the one that started it."""

from __future__ import annotations

import os
import select
import subprocess
import sys

_CHILD = """
import os, signal, time
from colocate.parent import end_with_parent
end_with_parent(signal.SIGKILL)
print(os.getpid(), flush=True)
time.sleep(600)
"""
_PARENT = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', sys.argv[1]]); time.sleep(600)"
_WAIT_S = 60


def test_it_gets_the_signal_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", _PARENT, _CHILD], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = os.pidfd_open(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    ended, _, _ = select.select([child], [], [], _WAIT_S)
    os.close(child)
    assert ended, "it lives on"
