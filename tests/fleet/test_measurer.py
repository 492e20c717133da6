"""The process that measures: what it answers, and what is left when it or its parent dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from colocate.errors import HostError, SpecError
from colocate.fleet.measurer import Measurer
from tests.fleet.processes import until

CPUS = os.sched_getaffinity(0)


@pytest.fixture(scope="module")
def measurer() -> Iterator[Measurer]:
    found = Measurer(CPUS)
    yield found
    found.end()


def refuse() -> None:
    raise SpecError("not like this")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def hang(marker: str) -> None:
    """A trial that does not end, of a rig that puts something back."""
    try:
        time.sleep(600)
    finally:
        Path(marker).write_text("restored")


def where() -> tuple[int, set[int], bool]:
    import threading

    return os.getpid(), os.sched_getaffinity(0), threading.current_thread() is threading.main_thread()


def test_it_answers_from_a_main_thread_on_all_cpus(measurer: Measurer) -> None:
    pid, cpus, main = measurer.call(where, limit_s=60)
    assert pid != os.getpid() and cpus == CPUS and main
    assert measurer.call(where, limit_s=60)[0] == pid, "kept from call to call"


def test_an_error_comes_back_as_itself(measurer: Measurer) -> None:
    with pytest.raises(SpecError, match="not like this"):
        measurer.call(refuse, limit_s=60)
    assert measurer.call(len, "four", limit_s=60) == 4


def test_after_a_death_there_is_another(measurer: Measurer) -> None:
    with pytest.raises(HostError, match=r"died \(exit status -9\)"):
        measurer.call(die, limit_s=60)
    assert measurer.call(len, "four", limit_s=60) == 4


def test_what_takes_too_long_is_ended_and_put_back(measurer: Measurer, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    # It has started before its time is limited.
    assert measurer.call(len, "four", limit_s=60) == 4
    with pytest.raises(HostError, match="longer than 3 s"):
        measurer.call(hang, str(marker), limit_s=3)
    assert marker.read_text() == "restored"
    assert measurer.call(len, "four", limit_s=60) == 4


_PARENT = """
import os, sys
from colocate.fleet.measurer import Measurer
from tests.fleet.test_measurer import hang
if __name__ == "__main__":
    found = Measurer(os.sched_getaffinity(0))
    print(found.call(os.getpid, limit_s=60), flush=True)
    found.call(hang, sys.argv[1], limit_s=600)
"""


def test_it_ends_with_its_parent_and_puts_back_first(tmp_path: Path) -> None:
    script, marker = tmp_path / "parent.py", tmp_path / "marker"
    script.write_text(_PARENT)
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, str(script), str(marker)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        time.sleep(0.2)
        parent.kill()
    until(lambda: marker.exists() and not psutil.pid_exists(child), "the measuring process to end")
    assert marker.read_text() == "restored"
