from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from colocate.host.processes import launch

CPU = max(os.sched_getaffinity(0))
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
LAUNCH = [sys.executable, launch.__file__]
SELF_REPORT = "import json, os; print(json.dumps([os.getpid(), sorted(os.sched_getaffinity(0))]))"
SELF = [sys.executable, "-c", SELF_REPORT]
# A parent that dies with its child in the middle of something; it prints the child's number first.
DYING_PARENT = f"""
import os, subprocess, sys
child = subprocess.Popen([*{LAUNCH!r}, str(os.getpid()), "SIGKILL", "{CPU}", "-", "-", sys.argv[1], "sleep", "1000"])
while open(f"/proc/{{child.pid}}/comm").read() != "sleep\\n":
    pass
print(child.pid, flush=True)
os._exit(0)
"""


def test_it_becomes_the_command_on_its_cpus_in_its_group(tmp_path: Path) -> None:
    procs = tmp_path / "cgroup.procs"
    process = subprocess.Popen(
        [*LAUNCH, str(os.getpid()), "SIGKILL", str(CPU), str(procs), "-", "-", *SELF],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    said, _ = process.communicate(timeout=60)
    assert json.loads(said) == [process.pid, [CPU]]
    assert procs.read_text() == str(process.pid)


def test_a_group_that_cannot_be_entered_is_named_and_the_command_does_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    command = [
        *LAUNCH,
        str(os.getpid()),
        "SIGKILL",
        str(CPU),
        str(tmp_path / "no/cgroup.procs"),
        "-",
        "-",
        "touch",
        str(marker),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(f"cannot enter CPUs {CPU}: ")
    assert not marker.exists()


def test_a_parent_that_sees_to_it_itself_is_not_asked_for() -> None:
    done = subprocess.run(
        [*LAUNCH, "-", "-", str(CPU), "-", "-", "-", *SELF], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)[1] == [CPU]


def scheduled_as(scheduling: str) -> list[str]:
    """Policy, nice value, and that of the session, of what a shell starts that was launched like this."""
    report = "import os; print(os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0))"
    session = "[ -e /proc/self/autogroup ] && cut -d' ' -f3 /proc/self/autogroup; true"
    shell = ["sh", "-c", f"{sys.executable} -c '{report}'; {session}"]
    done = subprocess.run(
        [*LAUNCH, "-", "-", str(CPU), "-", scheduling, "-", *shell],
        capture_output=True, text=True, check=True, start_new_session=True,
    )  # fmt: skip
    return done.stdout.split()


def test_what_the_command_starts_has_its_class_and_so_has_its_session() -> None:
    policy, nice, *session = scheduled_as("idle")
    assert (policy, nice) == (str(os.SCHED_IDLE), str(os.getpriority(os.PRIO_PROCESS, 0)))
    assert session in ([], ["19"])


def test_it_is_nicer_than_who_starts_it() -> None:
    policy, nice, *session = scheduled_as("7")
    assert (policy, nice) == (str(os.SCHED_OTHER), str(min(19, os.getpriority(os.PRIO_PROCESS, 0) + 7)))
    assert session in ([], ["7"])


@pytest.mark.parametrize(("scheduling", "call"), [("idle", "sched_setscheduler"), ("7", "setpriority")])
def test_a_class_that_is_refused_is_named(scheduling: str, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setaffinity", lambda *_: None)
    monkeypatch.setattr(os, "sched_getaffinity", lambda *_: {CPU})
    monkeypatch.setattr(os, call, refuse)
    said = rf"cannot be scheduled as asked \({scheduling}\): Operation not permitted; run as root"
    with pytest.raises(SystemExit, match=said):
        launch.main(["-", "-", str(CPU), "-", scheduling, "-", "true"])
    # Nor one that is taken without a word.
    monkeypatch.setattr(os, call, lambda *_: None)
    with pytest.raises(SystemExit, match="the kernel kept it as it was"):
        launch.main(["-", "-", str(CPU), "-", scheduling, "-", "true"])


def test_a_command_that_cannot_be_started_is_one_line(tmp_path: Path) -> None:
    done = subprocess.run([*LAUNCH, "-", "-", str(CPU), "-", "-", "-", str(tmp_path)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, f"cannot start {tmp_path}: Permission denied\n")


def test_a_child_whose_parent_is_gone_does_not_begin(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    done = subprocess.run(
        [*LAUNCH, "1", "SIGKILL", str(CPU), "-", "-", "-", "touch", str(marker)], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (1, "the parent ended before its child began\n")
    assert not marker.exists()


@AS_ROOT
def test_it_becomes_a_user_who_cannot_go_back() -> None:
    show = "grep -E '^(Uid|Gid|Groups|CapEff|CapPrm):' /proc/self/status"
    done = subprocess.run(
        [*LAUNCH, "-", "-", str(CPU), "-", "-", "54321:54322:54323,54324", "sh", "-c", show],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    uid, gid, groups, permitted, effective = (line.split()[1:] for line in done.stdout.splitlines())
    assert (uid, gid, groups) == (4 * ["54321"], 4 * ["54322"], ["54323", "54324"])
    assert {int(number[0], 16) for number in (permitted, effective)} == {0}


def test_who_may_not_become_a_user_does_not_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setaffinity", lambda *_: None)
    monkeypatch.setattr(os, "sched_getaffinity", lambda *_: {CPU})
    monkeypatch.setattr(os, "setgroups", refuse)
    with pytest.raises(SystemExit, match="cannot become user 1000: Operation not permitted"):
        launch.main(["-", "-", str(CPU), "-", "-", "1000:1000:", "true"])


@pytest.mark.parametrize("user", ["-", pytest.param("65534:65534:", marks=AS_ROOT)])
def test_the_command_dies_with_its_parent(user: str) -> None:
    said = subprocess.run([sys.executable, "-c", DYING_PARENT, user], stdout=subprocess.PIPE, text=True, timeout=60)
    pid = int(said.stdout)
    try:
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            process.wait(60)
    except psutil.NoSuchProcess:
        return
    finally:
        if psutil.pid_exists(pid) and psutil.Process(pid).name() == "sleep":
            os.kill(pid, signal.SIGKILL)
