"""Real services in real studies: one process from the first window to the last, paused between, gone afterwards."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from colocate.errors import HostError, Interrupted, SpecError, StoreError, notes_of
from colocate.model.limits import Quantity
from colocate.model.quality import FROM_OUTSIDE, QualityFlag
from colocate.model.trial import Trial, TrialRecord
from colocate.report.advise.load import advise_on
from colocate.report.run_report import load
from colocate.request.spec import make_study
from colocate.request.study_file import study_file
from colocate.rigs.host.rig import HostRig
from colocate.store.run_file import Run
from colocate.study.verdicts import Verdict
from colocate.sweep import sweep
from colocate.trial_loop import ThisMachine
from tests.cpu_workloads.conversation import eventually, is_running
from tests.observers import Silence
from tests.rigs.host.alternating import KINDS, confinement_of

# A server with clients of its own, which ask it for a file as fast as it answers: it logs a line for each request.
SERVER = """
import http.server, os, socketserver, sys, threading, time, urllib.request
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
def ask():
    while True:
        urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/page").read()
threading.Thread(target=ask, daemon=True).start()
open(sys.argv[1], "a").write(f"{os.getpid()}\\n")
print("listening", flush=True)
server.serve_forever()
"""
INSERTS = """
import os, sqlite3, sys
open(sys.argv[1], "a").write(f"{os.getpid()}\\n")
base = sqlite3.connect(sys.argv[2])
base.execute("create table if not exists t (x)")
n = 0
while True:
    with base:
        base.executemany("insert into t values (?)", [(i,) for i in range(100)])
        base.execute("delete from t")
    n += 100
    print("inserted", n)
"""
SMALL = {
    "networks": ["spin-1ms"],
    "stressors": [],
    "placement": ["shared"],
    "repeats": 3,
    "window": 0.6,
    "warmup": 0.05,
    "settle": 0.0,
}


LATENCIES = [quantity for quantity in Quantity if quantity is not Quantity.WORK_LOSS]


def python(code: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", code, *map(str, arguments)]


@pytest.fixture
def services(tmp_path: Path) -> Mapping[str, Any]:
    (tmp_path / "page").write_text("hello")
    return {
        "server": {
            "argv": python(SERVER, tmp_path / "pids"),
            "run": "service",
            "ready": {"line": "listening"},
            "progress": "GET /page",
            "directory": str(tmp_path),
        },
        "inserts": {
            "argv": python(INSERTS, tmp_path / "pids", tmp_path / "base"),
            "run": "service",
            "progress": r"inserted (\d+)",
        },
    }


class Watched(HostRig):
    """Sees what the services do between two windows."""

    def __init__(self, pids: Path) -> None:
        super().__init__()
        self._pids = pids

    def run(self, trial: Trial) -> TrialRecord:
        self.look([int(pid) for pid in self._pids.read_text().split()])
        return super().run(trial)

    def look(self, pids: list[int]) -> None:
        assert pids and all(is_running(pid) and _is_held(pid) for pid in pids)


def _is_held(pid: int) -> bool:
    """Whether a process stands still: it uses no CPU time that is seen within some ticks."""

    def used_s() -> float:
        times = psutil.Process(pid).cpu_times()
        return float(times.user + times.system)

    before_s = used_s()
    time.sleep(0.1)
    return used_s() == before_s


@pytest.mark.parametrize(("design", "kind"), [("steady", None), *(("alternating", kind) for kind in KINDS)])
def test_services_are_one_process_each_counted_paused_and_gone(
    tmp_path: Path, services: Mapping[str, Any], design: str, kind: str | None
) -> None:
    study = make_study({**SMALL, "commands": services, "design": design, "repeats": 2, "window": 0.4})
    rig = Watched(tmp_path / "pids")
    if kind is not None:
        if (confinement := confinement_of(kind)) is None:
            pytest.skip(f"this machine does not pause by {kind}")
        rig.__dict__["_confinement"] = confinement
    sweep(study, ThisMachine(rig), tmp_path / "run", Silence(), resume=False)
    with Run.read(tmp_path / "run") as run:
        assert not any("task '" in failure.message for failure in run.failures())
        worked = [record for record in run.records() if record.trial.task is not None]
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 2, "each was started once"
    assert {record.work.unit for record in worked if record.work} == {"progress"}
    alone = [record for record in worked if record.trial.inference is None]
    assert alone and all(record.work and record.work.count > 0 for record in alone)
    assert not any(QualityFlag.LEFT_PROCESSES in record.warnings for record in worked)
    assert eventually(lambda: not any(is_running(pid) for pid in pids))


def test_a_service_is_judged_by_latency(tmp_path: Path) -> None:
    # It never ends, and prints nothing that would tell of its work.
    idler = {"argv": ["sleep", "1000"], "run": "service"}
    study = make_study({**SMALL, "commands": {"idler": idler}, "max_slowdown": 50.0, "percentile": "p50"})
    sweep(study, ThisMachine(HostRig()), tmp_path / "run", Silence(), resume=False)
    assert study.spec.limits is not None
    run = load(tmp_path / "run")
    (ruling,) = advise_on(run, study.spec.limits).advice.rulings
    (own,) = (each for each in run.evidence if each.colocated)
    assert all(QualityFlag.NO_RUN_COMPLETED not in own.withheld.get(quantity, ()) for quantity in LATENCIES)
    # A busy machine may disturb every window, and hold a network up for all of a segment.
    disturbed = FROM_OUTSIDE & {*own.left_out.get(Quantity.SLOWDOWN_P50, ())}
    assert ruling.verdict is Verdict.SAFE or disturbed or run.failures


def test_a_service_that_must_not_be_paused_is_there_for_its_windows_alone(tmp_path: Path) -> None:
    task = {"argv": python(INSERTS, tmp_path / "pids", tmp_path / "base"), "run": "service", "pause": False}

    class Empty(Watched):
        def look(self, pids: list[int]) -> None:
            assert pids and not any(is_running(pid) for pid in pids)

    study = make_study({**SMALL, "commands": {"inserts": task}, "repeats": 2})
    sweep(study, ThisMachine(Empty(tmp_path / "pids")), tmp_path / "run", Silence(), resume=False)
    with Run.read(tmp_path / "run") as run:
        worked = [record for record in run.records() if record.trial.task is not None]
    # Once for the rehearsal, and once more where something held a window up, which then is measured again.
    assert len((tmp_path / "pids").read_text().split()) >= len(worked) + 1
    assert all(record.work and record.work.unit == "CPU s" and record.work.count > 0 for record in worked)


def test_a_service_that_ends_fails_its_window_with_what_it_said(tmp_path: Path) -> None:
    once = f"""
import os, sys, time
if os.path.exists({str(tmp_path / "ran")!r}):
    time.sleep(600)
open({str(tmp_path / "ran")!r}, "w")
time.sleep(1.0)
sys.exit("no such camera")
"""
    study = make_study({**SMALL, "commands": {"camera": {"argv": python(once), "run": "service"}}})
    sweep(study, ThisMachine(HostRig()), tmp_path / "run", Silence(), resume=False)
    with Run.read(tmp_path / "run") as run:
        messages = {failure.message for failure in run.failures() if failure.trial.task is not None}
    assert "task 'camera' is a service and ended by itself (1): no such camera" in messages


def test_a_command_that_leaves_processes_behind_is_warned_of_and_counts_no_runs(tmp_path: Path) -> None:
    study = make_study({**SMALL, "commands": {"daemon": {"command": "sleep 600 &", "shell": True}}, "repeats": 2})
    sweep(study, ThisMachine(HostRig()), tmp_path / "run", Silence(), resume=False)
    with Run.read(tmp_path / "run") as run:
        worked = [record for record in run.records() if record.trial.task is not None]
    # On a busy machine not even one run may end within a window.
    assert any(QualityFlag.LEFT_PROCESSES in record.warnings for record in worked)
    assert all(record.work is not None and record.work.count == 0 for record in worked)


def test_output_is_kept_and_a_failing_cleanup_is_said_when_all_is_over(tmp_path: Path) -> None:
    keys = {
        "argv": ["sh", "-c", "echo frame; echo warning >&2; sleep 600"],
        "run": "service",
        "cleanup": ["sh", "-c", "echo disk is full >&2; exit 3"],
    }
    study = make_study({**SMALL, "commands": {"encoder": keys}, "repeats": 1})
    rig = HostRig(task_output=tmp_path / "run" / "task-output")
    with pytest.raises(HostError, match=r"^task 'encoder': its cleanup failed \(return code 3\): .*disk is full$"):
        sweep(study, ThisMachine(rig), tmp_path / "run", Silence(), resume=False)
    with Run.read(tmp_path / "run") as run:
        assert len(list(run.records())) == len(run.done()) > 0
    said = (tmp_path / "run" / "task-output" / "encoder-shared.log").read_text().splitlines()
    # More than once where something held a window up, which then is measured again.
    assert {*said} == {"disk is full", "frame", "warning"}


def test_a_cleanup_runs_after_an_interruption(tmp_path: Path) -> None:
    class Interrupting(HostRig):
        def run(self, trial: Trial) -> TrialRecord:
            raise Interrupted(signal.SIGINT)

    keys = {"argv": ["sleep", "600"], "run": "service", "cleanup": ["touch", str(tmp_path / "cleaned")]}
    study = make_study({**SMALL, "commands": {"encoder": keys}})
    with pytest.raises(Interrupted):
        sweep(study, ThisMachine(Interrupting()), tmp_path / "run", Silence(), resume=False)
    assert (tmp_path / "cleaned").exists()


@pytest.mark.parametrize("first", [Interrupted(signal.SIGINT), StoreError("the disk is full")])
def test_a_failing_cleanup_does_not_hide_what_ended_the_study(first: BaseException, tmp_path: Path) -> None:
    class Ending(HostRig):
        def run(self, trial: Trial) -> TrialRecord:
            raise first

    keys = {"argv": ["sleep", "600"], "run": "service", "cleanup": ["sh", "-c", "echo no >&2; exit 3"]}
    study = make_study({**SMALL, "commands": {"encoder": keys}})
    with pytest.raises(type(first)) as caught:
        sweep(study, ThisMachine(Ending()), tmp_path / "run", Silence(), resume=False)
    assert caught.value is first
    assert notes_of(first) == ("task 'encoder': its cleanup failed (return code 3): no",)


def test_one_that_is_never_ready_is_refused_before_the_first_window(tmp_path: Path) -> None:
    study = make_study({
        **SMALL,
        "commands": {"mute": {"argv": ["sh", "-c", "exit 5"], "run": "service", "ready": {"line": "up"}}},
    })  # fmt: skip
    with pytest.raises(SpecError, match=r"task 'mute' is a service and ended by itself \(5\): it said nothing"):
        sweep(study, ThisMachine(HostRig()), tmp_path / "run", Silence(), resume=False)
    assert not (tmp_path / "run").exists()


@pytest.fixture
def running(tmp_path: Path, services: Mapping[str, Any]) -> Iterator[subprocess.Popen[bytes]]:
    """A sweep of these services as a process of its own, which goes on for long."""
    (tmp_path / "study.toml").write_text(study_file({**SMALL, "repeats": 1000, "commands": services}))
    arguments = [str(tmp_path / "study.toml"), "--out", str(tmp_path / "run"), "--task-output"]
    command = [sys.executable, "-m", "colocate", "sweep", *arguments]
    with subprocess.Popen(command, cwd=Path(__file__).parent.parent, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGKILL])
def test_services_are_gone_with_the_sweep_whatever_ends_it(
    tmp_path: Path, running: subprocess.Popen[bytes], services: Mapping[str, Any], signum: signal.Signals
) -> None:
    def done() -> int:
        if not (tmp_path / "run" / "run.sqlite").exists():
            return 0
        with Run.read(tmp_path / "run") as run:
            return len(run.done())

    # To start takes long on a busy machine.
    assert any(eventually(lambda: done() > 1) for _ in range(6))
    members = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(members) == 2
    assert all((tmp_path / "run" / "task-output" / f"{name}-shared.log").stat().st_size for name in services)
    running.send_signal(signum)
    running.wait(60)
    assert eventually(lambda: not any(is_running(pid) for pid in members))
