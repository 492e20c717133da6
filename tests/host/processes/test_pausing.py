"""Processes that are really paused, in each way that this machine has, and folders that answer as the kernel does."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from colocate.host.cpus import cpuset
from colocate.host.cpus.activity import trees, trees_cpu_s
from colocate.host.cpus.cpuset import Seat
from colocate.host.processes import pausing
from colocate.host.processes.child import Child
from colocate.host.processes.pausing import (
    FreezerV1,
    FreezerV2,
    Pause,
    StopSignals,
    Together,
    median_switch_s,
    pause_of,
    resumed_after,
    stands_still,
)
from tests.cpu_workloads.conversation import eventually
from tests.rigs.host.alternating import KINDS, confinement_of

CPUS = tuple(sorted(os.sched_getaffinity(0)))
STRESSOR = [sys.executable, "-m", "cpu_workloads", "bitcount", "--child"]
# Ends and begins again all the time, in threads and in processes.
FORKING = [
    sys.executable,
    "-m",
    "cpu_workloads",
    "command",
    "--child",
    "--",
    "sh",
    "-c",
    "for i in 1 2 3; do ls /; done",
]
PATIENCE_S = 120.0


@pytest.fixture(params=KINDS)
def seat(request: pytest.FixtureRequest) -> Iterator[Seat]:
    found = confinement_of(request.param)
    if found is None:
        pytest.skip(f"this process cannot pause by {request.param}")
    with cpuset.confined(found, {"task": CPUS[-1:]}) as seats:
        yield seats["task"]


@pytest.mark.parametrize("command", [STRESSOR, FORKING], ids=["stressor", "program"])
def test_what_is_paused_uses_no_cpu_until_it_is_resumed(seat: Seat, command: list[str]) -> None:
    child = Child("task", command, seat, runs_program=command is FORKING)
    try:
        child.ready(120)
        child.go()
        assert eventually(lambda: trees_cpu_s([child.pid]) > 0.1)
        pause = pause_of(seat, [child])
        with resumed_after(pause):
            for _ in range(5):
                pause.ask()
                assert stands_still(pause, PATIENCE_S)
                before_s = trees_cpu_s([child.pid])
                time.sleep(0.05)
                assert pause.is_still()
                assert trees_cpu_s([child.pid]) == before_s
                pause.resume()
                assert eventually(lambda before_s=before_s: trees_cpu_s([child.pid]) > before_s)  # type: ignore[misc]
        assert child.stop(120)["count"] > 0
    finally:
        child.close()
    assert not psutil.pid_exists(child.pid)


def test_a_child_of_a_process_that_stopped_while_it_started_it_is_moving(monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.ExitStack() as ends:
        parent, child = (ends.enter_context(subprocess.Popen(["sleep", "600"])) for _ in range(2))
        for each in (parent, child):
            ends.callback(each.kill)
        parent.send_signal(signal.SIGSTOP)
        assert eventually(lambda: psutil.Process(parent.pid).status() == psutil.STATUS_STOPPED)
        looks = iter([{parent.pid}])
        monkeypatch.setattr(pausing, "_all_of", lambda _: next(looks, {parent.pid, child.pid}))
        pause = StopSignals((parent.pid,))
        assert not pause.is_still(), "the second look finds the child, and it is told to stop"
        assert eventually(pause.is_still)
        assert psutil.Process(child.pid).status() == psutil.STATUS_STOPPED


def test_a_seat_without_anybody_stands_still(seat: Seat) -> None:
    pause = pause_of(seat, [])
    with resumed_after(pause):
        pause.ask()
        assert stands_still(pause, PATIENCE_S)
    pause.resume()


def test_a_paused_group_goes_with_all_in_it(seat: Seat) -> None:
    if not seat.groups:
        pytest.skip("signals have no group")
    child = Child("task", STRESSOR, seat)
    child.ready(120)
    pause = pause_of(seat, [child])
    pause.ask()
    assert stands_still(pause, PATIENCE_S)
    cpuset.remove_groups_of(os.getpid())
    assert child._process.wait(PATIENCE_S) == -9
    assert not any(group.exists() for group in seat.groups)
    child.close()


def test_a_v1_group_that_is_freezing_is_not_frozen(tmp_path: Path) -> None:
    state = tmp_path / "freezer.state"
    state.write_text("THAWED\n")
    pause = pause_of(Seat((0,), (tmp_path,)), [])
    assert pause == FreezerV1(tmp_path)
    pause.ask()
    assert state.read_text() == "FROZEN"
    state.write_text("FREEZING\n")
    assert not pause.is_still()
    assert state.read_text() == "FROZEN", "asked again"
    assert stands_still(pause, 0.01)
    pause.resume()
    assert state.read_text() == "THAWED"


def test_a_v2_group_is_frozen_when_its_events_say_so(tmp_path: Path) -> None:
    (tmp_path / "cgroup.freeze").write_text("0\n")
    events = tmp_path / "cgroup.events"
    pause = pause_of(Seat((0,), (tmp_path / "cpuset", tmp_path)), [])
    assert pause == FreezerV2(tmp_path)
    events.write_text("populated 1\nfrozen 0\n")
    pause.ask()
    assert (tmp_path / "cgroup.freeze").read_text() == "1"
    assert not stands_still(pause, 0.01)
    events.write_text("populated 1\nfrozen 1\n")
    assert stands_still(pause, 0.01)
    pause.resume()
    assert (tmp_path / "cgroup.freeze").read_text() == "0"


def test_without_a_freezer_processes_get_signals(tmp_path: Path) -> None:
    assert pause_of(Seat((0,), (tmp_path,)), []) == StopSignals(())


def test_all_that_came_of_a_process_is_found_in_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    script = "sleep 1000 & setsid sh -c 'sleep 1000; true' & wait"
    started = subprocess.Popen(["sh", "-c", script])
    try:
        assert eventually(lambda: len(trees([started.pid])) == 4)
        found = pausing._all_of([started.pid])
        assert found == set(trees([started.pid]))
        monkeypatch.setattr(Path, "exists", lambda self: False)
        assert pausing._all_of([started.pid]) == found
    finally:
        for pid in pausing._all_of([started.pid]):
            # A shell ends by itself when what it waits for is killed first.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        started.wait()


class Noted:
    """Stands still when asked, unless it is `stubborn`."""

    def __init__(self, *, stubborn: bool = False) -> None:
        self.words: list[str] = []
        self._stubborn = stubborn

    def ask(self) -> None:
        self.words.append("pause")

    def is_still(self) -> bool:
        return not self._stubborn

    def resume(self) -> None:
        self.words.append("resume")
        if self._stubborn:
            raise OSError


def test_whatever_ends_a_block_all_are_resumed() -> None:
    stubborn, other = Noted(stubborn=True), Noted()
    with pytest.raises(OSError), resumed_after(other, stubborn):
        raise KeyboardInterrupt
    assert (stubborn.words, other.words) == (["resume"], ["resume"])


def test_switching_is_timed_and_leaves_nothing_paused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pausing, "PAUSE_TIMEOUT_S", 0.01)
    quick, ticks = Noted(), itertools.count()
    pauses: list[Pause] = [quick, Noted()]
    assert median_switch_s(pauses, 6, clock=lambda: next(ticks)) == 1.0
    assert quick.words == ["pause", "resume"] * 3 + ["resume"]


def test_tasks_that_run_at_once_stand_still_together() -> None:
    class Slow:
        """Stands still at the third look; counts who looks."""

        def __init__(self) -> None:
            self.words = list[str]()

        def ask(self) -> None:
            self.words.append("ask")

        def is_still(self) -> bool:
            self.words.append("look")
            return self.words.count("look") >= 3

        def resume(self) -> None:
            self.words.append("resume")

    one, other = Slow(), Slow()
    other.words += ["look", "look"]
    both = Together([one, other])
    both.ask()
    assert [both.is_still() for _ in range(3)] == [False, False, True]
    both.resume()
    assert one.words == ["ask", "look", "look", "look", "resume"]
    assert other.words[2:] == ["ask", "look", "look", "look", "resume"], "each is looked at every time"
