from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from colocate.host.cpus.activity import Activity, cpu_seconds, trees_cpu_s

# CPU 1 and 2 are offline.
STAT = """cpu  600 0 0 0 0 0 0 60 0 0
cpu0 100 1 2 5000 9 3 4 10 7 7
cpu3 500 0 0 4000 0 0 0 50 0 0
intr 1 2 3
"""


def test_cpus_are_told_by_their_names_where_some_are_offline(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text(STAT)
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    assert cpu_seconds((0,), stat) == (110 * tick_s, 10 * tick_s)
    assert cpu_seconds((3,), stat) == (500 * tick_s, 50 * tick_s)
    assert cpu_seconds((1,), stat) == (0, 0)


def process(proc: Path, pid: int, parent: int, ticks: str, name: str = "sh") -> None:
    """A process as /proc shows it; `ticks` are of its own and of its children, in user and system mode."""
    (proc / str(pid)).mkdir()
    (proc / str(pid) / "stat").write_text(
        f"{pid} ({name}) S {parent} 1 1 0 -1 4194560 9 8 7 6 {ticks} 20 0 1 0 5 6 7"
    )


def test_the_time_of_a_tree_is_that_of_all_that_came_of_it(tmp_path: Path) -> None:
    process(tmp_path, 10, 1, "1000 0 0 0")
    process(tmp_path, 20, 10, "1 2 3 4")
    process(tmp_path, 21, 20, "10 20 30 40", name="a) R 10 (b")
    process(tmp_path, 5, 21, "100 200 300 400")
    (tmp_path / "30").mkdir()
    (tmp_path / "stat").write_text("cpu")
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    assert trees_cpu_s([20], tmp_path) == 1110 * tick_s
    assert trees_cpu_s([5, 10, 99], tmp_path) == 2110 * tick_s, "each counts once"
    assert trees_cpu_s([], tmp_path) == 0


def test_the_time_of_a_process_and_its_children_is_as_the_system_counts_it() -> None:
    burn = (
        "import os, sys, time\nif os.fork():\n os.wait()\nelse:\n while time.process_time() < 0.2: pass\n os._exit(0)"
    )
    command = [sys.executable, "-c", f"{burn}\nprint(flush=True); sys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        times = psutil.Process(parent.pid).cpu_times()
        assert 0.15 < trees_cpu_s([parent.pid]) < times.user + times.system + times.children_user + 0.5
        parent.communicate()


def test_what_others_do_is_seen() -> None:
    activity = Activity(tuple(os.sched_getaffinity(0)), [])
    end_s = time.monotonic() + 0.3
    while time.monotonic() < end_s:
        pass
    assert activity.disturbance().others_ratio > 0.5 / os.cpu_count()  # type: ignore[operator]  # known on Linux
