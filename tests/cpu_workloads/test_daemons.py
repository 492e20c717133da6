"""What leaves the process group and the session of the user's own program."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psutil

from tests.cpu_workloads.conversation import DEADLINE_S, ROOT, child, eventually, is_running, run
from tests.cpu_workloads.tasks import daemons, gone, pids


def test_stop_answers_when_the_last_daemon_is_gone(tmp_path: Path) -> None:
    with child("command", "--child", "--", *daemons(tmp_path / "pids")) as stressor:
        stressor.hear()
        for _ in range(2):
            stressor.say("go")
            members = pids(tmp_path / "pids")
            stressor.say("stop")
            report = stressor.hear()
            assert not any(is_running(pid) for pid in members)
            assert "failed" not in report
            (tmp_path / "pids").unlink()


def test_the_cpu_time_of_daemons_counts(tmp_path: Path) -> None:
    def burnt_s() -> float:
        return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in members[1:])

    with child("command", "--child", "--", *daemons(tmp_path / "pids")) as stressor:
        stressor.hear()
        stressor.say("go")
        members = pids(tmp_path / "pids")
        assert eventually(lambda: burnt_s() > 0.6)
        before_stop_s = burnt_s()
        stressor.say("stop")
        assert stressor.hear()["cpu_s"] > before_stop_s - 0.1


def test_daemons_of_a_finished_run_are_killed(tmp_path: Path) -> None:
    with child("command", "--child", "--", *daemons(tmp_path / "pids", "0")) as stressor:
        stressor.hear()
        stressor.say("go")
        members = pids(tmp_path / "pids")
        assert all(gone(pid) for pid in members)
        stressor.say("stop")
        assert stressor.hear()["cpu_s"] > 0


def test_daemons_of_a_failed_run_are_killed_and_its_code_is_told(tmp_path: Path) -> None:
    outcome = run("command", "--seconds", "600", "--", *daemons(tmp_path / "pids", "7"))
    assert outcome.returncode == 1
    assert "ended with return code 7" in outcome.stderr
    assert not any(is_running(pid) for pid in pids(tmp_path / "pids"))


def test_orphans_that_end_by_themselves_are_reaped_while_the_run_goes_on(tmp_path: Path) -> None:
    orphan = f"setsid sh -c ': &'; : > {tmp_path}/done; exec sleep 600"
    with child("command", "--child", "--", "sh", "-c", orphan) as stressor:
        stressor.hear()
        stressor.say("go")
        assert eventually((tmp_path / "done").exists)
        assert eventually(lambda: len(psutil.Process(stressor.process.pid).children()) == 1)
        stressor.say("stop")
        assert "failed" not in stressor.hear()


# One daemon that nothing can kill, as far as the command can tell.
_UNKILLABLE = """
import json, pathlib, sys, time
from cpu_workloads import program
from cpu_workloads.command import Command
from cpu_workloads.command_request import CommandRequest
killer, program._kill_descendants, program.END_S = program._kill_descendants, lambda: None, 0.1
task = Command(CommandRequest(tuple(sys.argv[2:])))
task.begin()
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.01)
task.stop()
print(json.dumps(task.failed))
killer()
"""


def test_what_lives_on_is_a_failure_with_its_pids(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", _UNKILLABLE, str(tmp_path / "pids"), *daemons(tmp_path / "pids")]
    outcome = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True, timeout=DEADLINE_S)
    _, *left = pids(tmp_path / "pids")
    failed = json.loads(outcome.stdout)
    assert failed["returncode"] is None
    said, _, told = failed["stderr"].partition(": ")
    assert said == "the task left processes running"
    assert sorted(map(int, told.split(", "))) == sorted(left)
    assert all(gone(pid) for pid in left)
