from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from colocate.errors import TrialError
from colocate.host.cpus.cpuset import Seat
from colocate.host.processes.child import Child

CPU = min(os.sched_getaffinity(0))
HERE = Seat((CPU,))

COUNTER = """
import os
from cpu_workloads.contract import Control, serve
def measure(control):
    count = 0
    while not control.pending():
        count += 1
    return {"count": count}
serve(Control(), measure, {"cpus": sorted(os.sched_getaffinity(0)), "threads": os.cpu_count()})
"""


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@pytest.fixture
def counter() -> Iterator[Child]:
    child = Child("counter", python(COUNTER), HERE)
    yield child
    child.close()


def test_a_child_is_in_its_seat_before_its_first_line(counter: Child) -> None:
    assert counter.ready(120)["cpus"] == [CPU]


def test_a_second_go_starts_from_zero_without_a_pause(counter: Child) -> None:
    counter.ready(120)
    counter.go()
    time.sleep(0.4)
    counter.go()
    second = counter.stop(120)["count"]
    counter.go()
    time.sleep(0.4)
    assert counter.stop(120)["count"] > second


def test_what_a_child_prints_while_it_loads_is_no_answer() -> None:
    noisy = "from cpu_workloads.contract import Control, serve; c = Control(); print('chatter', flush=True); "
    child = Child("noisy", python(noisy + "serve(c, lambda control: {}, {'fine': True})"), HERE)
    try:
        assert child.ready(120) == {"fine": True}
    finally:
        child.close()


def test_close_ends_what_ignores_every_polite_word() -> None:
    stubborn = "import signal, time; [signal.signal(s, signal.SIG_IGN) for s in (1, 2, 15)]; print('{\"ready\": 1}'"
    child = Child("stubborn", python(stubborn + ", flush=True); time.sleep(1000)"), HERE)
    child.ready(120)
    process = psutil.Process(child._process.pid)
    child.close(timeout_s=0.1)
    assert not process.is_running()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import sys; sys.exit('no such thing')", "exit status 1.*no such thing"),
        ("import os; os.kill(os.getpid(), 9)", "killed by SIGKILL.*said nothing"),
        ("raise ValueError('inner')", "ValueError: inner"),
    ],
)
def test_a_child_that_ends_is_told_with_its_last_line(code: str, said: str) -> None:
    child = Child("task", python(code), HERE)
    try:
        with pytest.raises(TrialError, match=said):
            child.ready(120)
    finally:
        child.close()


def test_silence_has_an_end(counter: Child) -> None:
    child = Child("mute", python("import time; time.sleep(1000)"), HERE)
    try:
        with pytest.raises(TrialError, match=r"mute gave no answer within 0\.1 s"):
            child.ready(0.1)
    finally:
        child.close()


def test_cpus_that_cannot_be_had_are_refused() -> None:
    child = Child("nowhere", python("pass"), Seat((CPU, 4095)))
    try:
        with pytest.raises(TrialError, match=r"the kernel granted|cannot enter"):
            child.ready(120)
    finally:
        child.close()


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    child = Child("absent", [str(tmp_path / "absent")], HERE)
    try:
        with pytest.raises(TrialError, match="absent"):
            child.ready(120)
    finally:
        child.close()


def test_children_that_are_told_first_end_side_by_side() -> None:
    children = [Child(f"counter {number}", python(COUNTER), HERE) for number in range(2)]
    for child in children:
        child.ready(120)
        child.hang_up()
    for child in children:
        status, _ = child.close()
        assert status in (0, -signal.SIGKILL)
        child.hang_up()


def test_one_that_runs_a_program_has_time_to_end_it(tmp_path: Path) -> None:
    late = (
        "import sys, time; print('{\"ready\": {}}', flush=True); sys.stdin.read(); time.sleep(0.3); "
        f"open({str(tmp_path / 'ended')!r}, 'w').close()"
    )
    child = Child("late", python(late), HERE, runs_program=True)
    child.ready(120)
    child.hang_up()
    assert child.close(60.0)[0] == 0
    assert (tmp_path / "ended").exists()
