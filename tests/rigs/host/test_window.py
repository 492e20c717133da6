"""One window on the local machine: long enough for the network, its children stopped together."""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any, cast

import pytest

from colocate.host.cpus.activity import trees_cpu_s
from colocate.host.cpus.cpuset import Seat
from colocate.host.processes.child import Child
from colocate.model.cell_key import CellKey
from colocate.model.quality import QualityFlag
from colocate.model.request import ClockPoint, Inference, Pipeline, Placement, Task
from colocate.model.trial import Trial, TrialRecord
from colocate.rigs.host import window
from colocate.rigs.host.monitor import Monitor
from colocate.rigs.host.records import SegmentTooShortError
from colocate.rigs.host.rig import HostRig
from colocate.rigs.host.window import Hold, _activities, run_window, stopped
from tests.cpu_workloads.conversation import eventually
from tests.rigs.host.trials import SHARED, long_enough, trial
from tests.worker.pipelines import PATTERN, prints

# Told to stop, it reports only once all three of them have been told; alone it gives up after a while.
WAITING = """
import sys, time
from pathlib import Path
from cpu_workloads.contract import Control, serve
folder, number = Path(sys.argv[1]), sys.argv[2]
def measure(control):
    while not control.pending():
        time.sleep(0.001)
    (folder / number).touch()
    end_s = time.monotonic() + 20
    while len(list(folder.iterdir())) < 3 and time.monotonic() < end_s:
        time.sleep(0.01)
    return {"together": len(list(folder.iterdir())) == 3}
serve(Control(), measure, {})
"""


def test_a_window_grows_until_a_slow_network_fits() -> None:
    rig, slow = HostRig(), trial("spin-300ms", window_s=0.01)
    with rig.opened([slow]):
        record = rig.run(slow)
    assert record.latencies_s.size >= 1 and record.elapsed_s >= 0.3


def test_what_a_users_program_starts_is_no_other_load() -> None:
    """Its processes are below the one that measures it."""
    burn = Task("burn", ("sh", "-c", f"{sys.executable} -c 'while True: pass'"))
    network = Inference("cam", "pipeline", precision="", pipeline=Pipeline(prints(), PATTERN))
    asked = dataclasses.replace(trial(task=burn, window_s=1.0), inference=network)
    rig = HostRig()
    with rig.opened([asked]):
        assert rig._hold is not None
        children = rig._hold.children
        (worker,), (task,) = children.worker(asked), children.tasks(asked)
        task.go()
        for child in (worker, task):
            assert eventually(lambda pid=child.pid: trees_cpu_s([pid]) > 0.5)  # type: ignore[misc]  # of the default
        assert len(_activities(asked, [worker], [task])) == 1, "they share a CPU"
        record = rig.run(asked)
    assert record.latencies_s.size and record.work is not None


def test_children_that_are_stopped_together_end_together(tmp_path: Path) -> None:
    """However long each takes over its report: a task that went on would count work that nothing disturbed."""
    seat = Seat(SHARED.task_cpus)
    command = [sys.executable, "-c", WAITING, str(tmp_path)]
    children = [Child(f"waiting {number}", [*command, str(number)], seat) for number in range(3)]
    try:
        for child in children:
            child.ready(120)
            child.go()
        assert [report["together"] for report in stopped(children)] == [True] * 3
    finally:
        for child in children:
            child.close()


def test_a_network_that_is_slower_beside_its_task_gets_longer_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = trial("spin-1ms", Task("bitcount"), placement=SHARED)
    hold = Hold(cast(Any, None), cast(Any, None), cast(Any, None))
    known = []

    def ran(trial: Trial, hold: Hold) -> TrialRecord:
        known.append(dict(hold.inference_s))
        if len(known) == 1:
            raise SegmentTooShortError("no inference fits", 0.25)
        return cast(TrialRecord, "record")

    monkeypatch.setattr(window, "_ran", ran)
    assert cast(object, run_window(asked, hold)) == "record"
    assert known == [{}, {CellKey.of(asked): 0.25}]


@pytest.mark.parametrize(
    ("task_cpus", "ramps", "cpu_hz", "settles"),
    [((1,), False, None, False), ((0, 1), False, 10**9, True), ((1,), True, None, True), ((1,), True, 10**9, False)],
)
def test_governors_and_schedulers_that_answer_slowly_are_given_time(
    task_cpus: tuple[int, ...], ramps: bool, cpu_hz: int | None, settles: bool
) -> None:
    place = Placement("any", (0,), task_cpus, (1,))
    asked = dataclasses.replace(trial(task=Task("bitcount")), placement=place, clocks=ClockPoint(cpu_hz))
    hold = Hold(cast("Any", None), cast("Any", None), cast("Any", None), ramps=ramps)
    assert window._settles(asked, hold) is settles


def test_a_network_that_somebody_renices_is_a_warning_as_long_as_it_stays_so() -> None:
    rig, asked = HostRig(), trial("spin-1ms", window_s=0.05)
    with rig.opened([asked]):
        assert rig._hold is not None
        (worker,) = rig._hold.children.worker(asked)
        assert QualityFlag.MOVED_BY_OTHERS not in rig.run(asked).warnings
        os.setpriority(os.PRIO_PROCESS, worker.pid, 3)
        for _ in range(2):
            assert QualityFlag.MOVED_BY_OTHERS in rig.run(asked).warnings


@pytest.mark.parametrize("alternating", [False, True])
def test_a_window_in_which_the_network_was_stopped_is_held_up(
    alternating: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = Task("bitcount") if alternating else None
    rig, asked = HostRig(), dataclasses.replace(trial("spin-1ms", task, window_s=0.3), alternating=alternating)
    let_pass = Monitor.window
    with rig.opened([asked]):
        assert rig._hold is not None
        (worker,) = rig._hold.children.worker(asked)

        def stopping(*arguments: Any) -> None:
            let_pass(*arguments)
            os.kill(worker.pid, signal.SIGSTOP)
            threading.Timer(3.0, os.kill, (worker.pid, signal.SIGCONT)).start()

        monkeypatch.setattr(Monitor, "window", stopping)
        long_enough(rig, asked, lambda record: QualityFlag.HELD_UP in record.warnings)
