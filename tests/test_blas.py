"""One thread for linear algebra in colocate's own process, and the user's own number in what it starts."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from colocate.blas import use_one_thread, users_environment
from colocate.host.cpus.cpuset import Seat
from colocate.host.processes.child import Child

VARIABLE = "OPENBLAS_NUM_THREADS"
SAYS = f"""
import os
from cpu_workloads.contract import Control, serve
serve(Control(), lambda control: {{}}, {{"threads": os.environ.get({VARIABLE!r})}})
"""


# In place of a command: how many threads there are once numpy and scipy are imported.
COUNTED = """
import re
import colocate.__main__

def counted(arguments):
    import numpy, scipy.linalg
    print(re.search(r"Threads:\\s+(\\d+)", open("/proc/self/status").read())[1])
    return 0

colocate.__main__.run = counted
colocate.__main__.main()
"""


def test_the_command_line_has_no_threads_for_linear_algebra() -> None:
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    command = [sys.executable, "-c", COUNTED]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


@pytest.mark.parametrize(("users", "ours", "theirs"), [(None, "01", None), ("3", "3", "3"), ("1", "1", "1")])
def test_what_is_started_has_the_users_number(
    users: str | None, ours: str, theirs: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if users is not None:
        monkeypatch.setenv(VARIABLE, users)
    use_one_thread()
    assert os.environ[VARIABLE] == ours
    assert users_environment().get(VARIABLE) == theirs
    child = Child("one", [sys.executable, "-c", SAYS], Seat(tuple(sorted(os.sched_getaffinity(0)))))
    try:
        assert child.ready(120)["threads"] == theirs
    finally:
        child.close()
