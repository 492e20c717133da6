"""Services and programs with a request: started once, ready, counted by what they print, prepared and cleaned up."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from cpu_workloads import command
from cpu_workloads.command_request import CLEANUP_FAILED, CommandRequest
from tests.cpu_workloads.conversation import (
    DEADLINE_S,
    ROOT,
    Child,
    child,
    counted,
    counted_until,
    eventually,
    is_running,
)
from tests.cpu_workloads.tasks import family, gone, pids

COUNT = "import time\nn = 0\nprint('up')\nwhile True: n += 1; print('step', n); time.sleep(0.001)"


def python(code: str, *arguments: str) -> tuple[str, ...]:
    return sys.executable, "-c", code, *arguments


@contextmanager
def runner(request: CommandRequest) -> Iterator[Child]:
    with child("command", "--child", "--request", request.to_json()) as started:
        yield started


def programs(stressor: Child) -> list[int]:
    return [each.pid for each in psutil.Process(stressor.process.pid).children()]


def started(stressor: Child) -> dict[str, Any]:
    stressor.say("start")
    answer: dict[str, Any] = stressor.hear()["started"]
    return answer


def test_a_service_is_one_process_over_all_windows_and_counts_its_progress() -> None:
    request = CommandRequest(python(COUNT), service=True, keeps=True, ready_line="up", progress=r"step (\d+)")
    with runner(request) as stressor:
        assert stressor.hear()["ready"]["unit"] == "progress"
        assert started(stressor) == {}
        (pid,) = programs(stressor)
        for _ in range(3):
            assert started(stressor) == {}
            report = counted_until(lambda report: report["count"] > 0, stressor)
            assert report["count"] > 0 and report["unit"] == "progress" and "failed" not in report
            assert programs(stressor) == [pid]
        stressor.hang_up()
        assert stressor.process.wait(DEADLINE_S) == 0
        assert gone(pid)


def test_a_service_without_progress_is_counted_by_its_cpu_time() -> None:
    with runner(CommandRequest(python("while True: pass"), service=True, keeps=True)) as stressor:
        stressor.hear()
        report = counted_until(lambda report: report["count"] > 0, stressor)
    assert report["unit"] == "CPU s" and report["count"] == report["cpu_s"] > 0


def test_one_that_is_not_kept_ends_with_the_window_and_all_that_came_of_it(tmp_path: Path) -> None:
    with runner(CommandRequest(tuple(family(tmp_path / "pids")), service=True)) as stressor:
        stressor.hear()
        assert started(stressor) == {}
        members = pids(tmp_path / "pids")
        assert "failed" not in counted(stressor)
        assert not any(map(is_running, members))


def test_a_service_that_ends_by_itself_fails_its_window_with_what_it_said() -> None:
    code = "import sys, time; time.sleep(0.2); sys.exit('no such camera')"
    with runner(CommandRequest(python(code), service=True, keeps=True)) as stressor:
        stressor.hear()
        assert started(stressor) == {}
        stressor.say("go")
        assert eventually(lambda: not programs(stressor))
        stressor.say("stop")
        report = stressor.hear()
    assert report["failed"] == {"returncode": 1, "stderr": "no such camera"}


def test_nothing_is_ready_before_its_line() -> None:
    code = "import time; time.sleep(0.4); print('listening', flush=True); time.sleep(600)"
    with runner(CommandRequest(python(code), service=True, ready_line="listening")) as stressor:
        stressor.hear()
        began_s = time.monotonic()
        assert started(stressor) == {}
        assert time.monotonic() - began_s >= 0.4


def test_nothing_is_ready_before_its_time() -> None:
    with runner(CommandRequest(("sleep", "600"), ready_after_s=0.4)) as stressor:
        stressor.hear()
        began_s = time.monotonic()
        assert started(stressor) == {}
        assert time.monotonic() - began_s >= 0.4


_IMPATIENT = (
    "import sys; from cpu_workloads import command, __main__; command.READY_S = 0.5; __main__.main(sys.argv[1:])"
)


def test_one_that_is_never_ready_says_what_was_waited_for_and_what_it_said() -> None:
    # Not Python, which on a busy machine takes longer to start.
    request = CommandRequest(("sh", "-c", "echo warming up; exec sleep 600"), ready_line="listening")
    with _impatient(request) as stressor:
        stressor.hear()
        failed = started(stressor)["failed"]
        assert failed["stderr"] == "it printed no line with 'listening' within 0.5 s of its start\nwarming up"
        assert not programs(stressor)


@contextmanager
def _impatient(request: CommandRequest) -> Iterator[Child]:
    stressor = Child.__new__(Child)
    stressor.process = subprocess.Popen(
        [sys.executable, "-c", _IMPATIENT, "command", "--child", "--request", request.to_json()],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    with stressor.process:
        try:
            yield stressor
        finally:
            stressor.process.kill()


def test_what_stands_before_and_after_is_run_once(tmp_path: Path) -> None:
    log = tmp_path / "log"

    def say(word: str) -> tuple[str, ...]:
        return "sh", "-c", f"echo {word} >> {log}"

    request = CommandRequest(
        ("sh", "-c", f"echo run >> {log}; sleep 600"), prepare=say("before"), cleanup=say("after")
    )
    with runner(request) as stressor:
        stressor.hear()
        for _ in range(2):
            assert started(stressor) == {}
            assert eventually(lambda: log.read_text().endswith("run\n"))
            assert "failed" not in counted(stressor, 0.05)
        stressor.hang_up()
        assert stressor.process.wait(DEADLINE_S) == 0
    assert log.read_text().split() == ["before", "run", "run", "after"]


@pytest.mark.parametrize("ready", [{}, {"ready_line": "listening"}, {"ready_after_s": 100.0}])
def test_a_failing_prepare_is_said_at_once_and_nothing_is_started(tmp_path: Path, ready: dict[str, Any]) -> None:
    before = ("sh", "-c", "echo no disk >&2; exit 3")
    request = CommandRequest(("touch", str(tmp_path / "ran")), prepare=before, **ready)
    with runner(request) as stressor:
        stressor.hear()
        assert started(stressor)["failed"]["stderr"] == "its prepare failed (return code 3): no disk"
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("signalled", [False, True])
def test_a_failing_cleanup_is_said_at_the_end(signalled: bool) -> None:
    request = CommandRequest(("sleep", "600"), cleanup=("sh", "-c", "printf 'a\\nb\\nno\\ndisk\\n' >&2; exit 3"))
    with runner(request) as stressor:
        stressor.hear()
        assert started(stressor) == {}
        if signalled:
            stressor.process.terminate()
        else:
            stressor.hang_up()
        assert stressor.process.wait(DEADLINE_S) == CLEANUP_FAILED
        assert stressor.process.stderr is not None
        assert stressor.process.stderr.read() == "its cleanup failed (return code 3): b; no; disk\n"


def test_a_parent_that_dies_while_it_is_prepared_ends_that(tmp_path: Path) -> None:
    request = CommandRequest(("true",), prepare=tuple(family(tmp_path / "pids")))
    with runner(request) as stressor:
        stressor.hear()
        stressor.say("start")
        members = pids(tmp_path / "pids")
        stressor.hang_up()
        assert stressor.process.wait(DEADLINE_S) == 0
        assert all(gone(pid) for pid in members)


def test_runs_that_leave_processes_behind_are_no_runs() -> None:
    with runner(CommandRequest(("sh", "-c", "sleep 600 & :"))) as stressor:
        stressor.hear()
        report = counted_until(lambda report: "deserted" in report, stressor)
    assert report["count"] == 0 and report["deserted"] > 0 and "failed" not in report


def test_the_end_of_a_pipe_may_outlive_the_program_for_a_moment() -> None:
    # A moment is as long here as this machine may need; the process of its own has no child but the program.
    script = (
        "from cpu_workloads import program; program.GONE_S = 60\n"
        "one = program.Program(['sh', '-c', 'sleep 0.01 & :'])\n"
        "with one.lock: one.start()\n"
        "print(one.await_end()[:2])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "(0, False)\n"


def test_environment_directory_and_output_are_the_programs(tmp_path: Path) -> None:
    request = CommandRequest(
        ("sh", "-c", "echo $WORD; pwd >&2; sleep 600"),
        environment={"WORD": "added"},
        directory=str(tmp_path),
        output=str(tmp_path / "task.log"),
    )
    with runner(request) as stressor:
        stressor.hear()
        assert started(stressor) == {}
        assert eventually(lambda: len((tmp_path / "task.log").read_text().split()) == 2)
    assert (tmp_path / "task.log").read_text().split() == ["added", str(tmp_path)]


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (CommandRequest(("true",), directory="/no/such/folder"), "cannot use /no/such/folder: No such file"),
        (CommandRequest(("true",), user="no-such-user"), "there is no user 'no-such-user' here"),
        (CommandRequest(("true",), prepare=("no-such-program",)), "cannot start 'no-such-program'"),
        (CommandRequest(("true",), output="/no/such/folder/x.log"), "cannot use /no/such/folder/x.log"),
    ],
)
def test_what_cannot_be_had_is_one_line(request_: CommandRequest, said: str) -> None:
    with runner(request_) as stressor:
        assert stressor.process.wait(DEADLINE_S) == 3
        assert stressor.process.stderr is not None
        told = stressor.process.stderr.read()
    assert told.startswith(said) and told.count("\n") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_the_program_and_its_helpers_are_another_users() -> None:
    request = CommandRequest(
        ("sh", "-c", "test $(id -un) = nobody && sleep 600"), prepare=("sh", "-c", "test $(id -un) = nobody"),
        user="nobody",
    )  # fmt: skip
    with runner(request) as stressor:
        stressor.hear()
        assert started(stressor) == {}
        assert "failed" not in counted(stressor)


def test_the_limits_leave_the_parent_time() -> None:
    assert command.PREPARE_S + command.READY_S < 600
