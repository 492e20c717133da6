"""The user's own program, run by a real child process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from cpu_workloads.output import TAIL_BYTES
from tests.cpu_workloads.conversation import DEADLINE_S, ROOT, child, counted_until, eventually, is_running, run
from tests.cpu_workloads.tasks import Make, daemons, family, gone, pids


def test_runs_are_counted_and_their_cpu_time() -> None:
    burn = "import time\nwhile time.process_time() < 0.03: pass"
    with child("command", "--child", "--", sys.executable, "-c", burn) as stressor:
        assert stressor.hear()["ready"]["argv"] == [sys.executable, "-c", burn]
        report = counted_until(lambda report: report["count"] >= 5, stressor)
    assert report["unit"] == "runs"
    assert report["count"] >= 5
    # One may have been under way when the window began.
    assert report["cpu_s"] >= 0.029 * (report["count"] - 1)
    assert report["cpu_s"] <= (report["end_ns"] - report["begin_ns"]) / 1e9 + 0.1
    assert "failed" not in report


def test_the_cpu_time_of_an_unfinished_run_counts() -> None:
    with child("command", "--child", "--", sys.executable, "-c", "while True: pass") as stressor:
        stressor.hear()
        report = counted_until(lambda report: report["cpu_s"] > 0, stressor)
    assert report["count"] == 0
    assert report["cpu_s"] > 0


def test_a_second_go_counts_anew_and_leaves_the_program_alone(tmp_path: Path) -> None:
    with child("command", "--child", "--", *family(tmp_path / "pids")) as stressor:
        stressor.hear()
        stressor.say("go")
        leader, _ = pids(tmp_path / "pids")
        before_ns = time.monotonic_ns()
        stressor.say("go")
        time.sleep(0.2)
        assert is_running(leader)
        stressor.say("stop")
        report = stressor.hear()
        assert report["begin_ns"] >= before_ns
        assert gone(leader)


def test_a_second_go_forgets_the_runs_before_it(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    with child("command", "--child", "--", "sh", "-c", f"echo run >> {runs}") as stressor:
        stressor.hear()
        stressor.say("go")
        assert eventually(lambda: runs.exists() and runs.read_text().count("run") > 200)
        stressor.say("go")
        stressor.say("stop")
        report = stressor.hear()
    assert report["count"] < 100
    assert report["cpu_s"] <= (report["end_ns"] - report["begin_ns"]) / 1e9 + 0.1


def test_stop_then_go_starts_it_again(tmp_path: Path) -> None:
    with child("command", "--child", "--", *family(tmp_path / "pids")) as stressor:
        stressor.hear()
        first = None
        for _ in range(2):
            stressor.say("go")
            members = pids(tmp_path / "pids")
            assert members != first
            stressor.say("stop")
            assert "failed" not in stressor.hear()
            assert all(gone(pid) for pid in members)
            first = members
            (tmp_path / "pids").unlink()


@pytest.mark.parametrize("make", [family, daemons])
def test_end_of_file_kills_the_whole_task(tmp_path: Path, make: Make) -> None:
    with child("command", "--child", "--", *make(tmp_path / "pids")) as stressor:
        stressor.hear()
        stressor.say("go")
        members = pids(tmp_path / "pids")
        stressor.hang_up()
        assert stressor.process.wait(DEADLINE_S) == 0
        assert all(gone(pid) for pid in members)


@pytest.mark.parametrize("make", [family, daemons])
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_kills_the_whole_task(tmp_path: Path, make: Make, signum: signal.Signals) -> None:
    with child("command", "--child", "--", *make(tmp_path / "pids")) as stressor:
        stressor.hear()
        stressor.say("go")
        members = pids(tmp_path / "pids")
        stressor.process.send_signal(signum)
        assert stressor.process.wait(DEADLINE_S) == 128 + signum
        assert all(gone(pid) for pid in members)


def test_the_program_dies_with_a_killed_stressor(tmp_path: Path) -> None:
    with child("command", "--child", "--", *family(tmp_path / "pids")) as stressor:
        stressor.hear()
        stressor.say("go")
        leader, grandchild = pids(tmp_path / "pids")
        stressor.process.kill()
        assert gone(leader)
        # SIGKILL leaves the stressor no chance to reach further than the program it started.
        os.kill(grandchild, signal.SIGKILL)


_PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-m", "cpu_workloads", "command", "--child", "--", *sys.argv[1:]],
                         stdin=subprocess.PIPE, text=True)
child.stdin.write("go\\n")
child.stdin.flush()
child.wait()
"""


@pytest.mark.parametrize("make", [family, daemons])
def test_a_killed_parent_takes_the_whole_task_with_it(tmp_path: Path, make: Make) -> None:
    command = [sys.executable, "-c", _PARENT, *make(tmp_path / "pids")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as parent:
        members = pids(tmp_path / "pids")
        stressor = psutil.Process(members[0]).ppid()
        parent.kill()
        assert gone(stressor)
        assert all(gone(pid) for pid in members)


def test_what_a_finished_run_leaves_behind_is_killed(tmp_path: Path) -> None:
    leave = f"sleep 600 & echo $! > {tmp_path}/pid.part; mv {tmp_path}/pid.part {tmp_path}/pid-$$"
    with child("command", "--child", "--", "sh", "-c", leave) as stressor:
        stressor.hear()
        stressor.say("go")
        assert eventually(lambda: any(tmp_path.glob("pid-*")))
        stressor.say("stop")
        assert stressor.hear()["count"] >= 0
        assert all(gone(int(path.read_text())) for path in tmp_path.glob("pid-*"))


def test_a_failing_run_is_reported_with_the_end_of_its_stderr(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    fail = (
        f"import sys; open({str(runs)!r}, 'a').write('run ');"
        f"sys.stderr.write('x' * {2 * TAIL_BYTES} + 'no such camera'); sys.exit(7)"
    )
    with child("command", "--child", "--", sys.executable, "-c", fail) as stressor:
        stressor.hear()
        stressor.say("go")
        alive = psutil.Process(stressor.process.pid)
        assert eventually(lambda: runs.exists() and not alive.children())
        stressor.say("go")
        stressor.say("stop")
        report = stressor.hear()
    assert runs.read_text() == "run "
    assert report["count"] == 0
    assert report["failed"]["returncode"] == 7
    assert report["failed"]["stderr"].endswith("no such camera")
    assert len(report["failed"]["stderr"]) <= TAIL_BYTES


def test_a_program_that_is_no_program_is_reported(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("\x00neither a script nor a binary")
    text.chmod(0o755)
    outcome = run("command", "--seconds", "600", "--", str(text))
    assert outcome.returncode == 1
    assert "Exec format error" in outcome.stderr
    assert outcome.stderr.count("\n") == 1


@pytest.mark.parametrize("mode", [["--child"], ["--seconds", "1"]])
def test_an_absent_program_is_one_line(mode: list[str]) -> None:
    outcome = run("command", *mode, "--", "no-such-program")
    assert outcome.returncode == 3
    assert "no-such-program" in outcome.stderr
    assert outcome.stderr.count("\n") == 1


def test_a_file_that_may_not_be_executed_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("not executable")
    outcome = run("command", "--child", "--", str(tmp_path / "notes"))
    assert outcome.returncode == 3
    assert "not executable" in outcome.stderr


def test_run_directly_it_reports_and_leaves_nothing(tmp_path: Path) -> None:
    outcome = run("command", "--seconds", "0.2", "--", *family(tmp_path / "pids"))
    assert outcome.returncode == 0
    assert outcome.stdout.startswith("command: ")


def test_run_directly_a_failure_is_the_exit_code() -> None:
    outcome = run("command", "--seconds", "30", "--", sys.executable, "-c", "raise SystemExit('no such camera')")
    assert outcome.returncode == 1
    assert "no such camera" in outcome.stderr
