"""One program and all that comes of it, each time in a process of its own: that becomes the parent of everything."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cpu_workloads.program import Program, ProgramError, require
from tests.cpu_workloads.conversation import DEADLINE_S, ROOT, eventually, is_running
from tests.cpu_workloads.tasks import Make, daemons, family, pids

# A thread awaits the program's end, as everyone who uses it does.
HOST = """
import json, sys, threading, time
from pathlib import Path
from cpu_workloads.program import Program, end_on_signals
argv, ended = json.loads(sys.argv[1]), []
program = Program(argv, json.loads(sys.argv[2]))
def start():
    with program.lock:
        program.start()
    thread = threading.Thread(target=lambda: ended.append(program.await_end()))
    thread.start()
    return thread
"""
UNTIL_THERE = "while not Path(argv[3]).exists(): time.sleep(0.01)\n"


def hosted(argv: list[str], then: str, launcher: tuple[str, ...] = ()) -> Any:
    """What `then` prints as JSON."""
    command = [sys.executable, "-c", HOST + then, json.dumps(argv), json.dumps(launcher)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=DEADLINE_S)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("make", [family, daemons])
def test_it_ends_with_all_that_came_of_it(tmp_path: Path, make: Make) -> None:
    then = "start()\n" + UNTIL_THERE + "print(json.dumps([len(program.end()), program.is_over]))"
    assert hosted(make(tmp_path / "pids"), then) == [0, True]
    assert not any(is_running(pid) for pid in pids(tmp_path / "pids"))


def test_one_that_ends_by_itself_gives_its_code_and_leaves_nobody(tmp_path: Path) -> None:
    then = "start().join()\nprint(json.dumps([ended[0][0], ended[0][1], len(ended[0][2]), program.is_over]))"
    assert hosted(daemons(tmp_path / "pids", "7"), then) == [7, True, 0, True]
    assert not any(is_running(pid) for pid in pids(tmp_path / "pids"))


def test_it_can_be_started_again_and_is_over_before_the_first_time() -> None:
    then = "over = program.is_over\nfor _ in range(2): start().join()\nprint(json.dumps([over, ended]))"
    assert hosted(["sh", "-c", "exit 3"], then) == [True, [[3, False, []], [3, False, []]]]


def test_a_launcher_becomes_the_program(tmp_path: Path) -> None:
    then = "start().join()\nprint(json.dumps(Path(argv[3]).read_text()))"
    argv = [sys.executable, "-c", "import os, sys; open(sys.argv[1], 'w').write(os.environ['WORD'])"]
    assert hosted([*argv, str(tmp_path / "word")], then, launcher=("env", "WORD=launched")) == "launched"


def test_the_cpu_time_of_all_of_it_counts() -> None:
    burn = (
        "import os, time\nif os.fork() == 0:\n    while time.process_time() < 0.1: pass\n    os._exit(0)\nos.wait()"
    )
    then = "start().join()\nwith program.lock: print(json.dumps(program.cpu_s()))"
    assert hosted([sys.executable, "-c", burn], then) >= 0.1


def test_a_signal_ends_it_before_the_process_that_started_it(tmp_path: Path) -> None:
    then = "end_on_signals(program.end)\nstart()\ntime.sleep(600)"
    command = [sys.executable, "-c", HOST + then, json.dumps(family(tmp_path / "pids")), "[]"]
    with subprocess.Popen(command, cwd=ROOT) as host:
        members = pids(tmp_path / "pids")
        host.send_signal(signal.SIGTERM)
        assert host.wait(DEADLINE_S) == 128 + signal.SIGTERM
    assert eventually(lambda: not any(is_running(pid) for pid in members))


def test_what_cannot_be_run_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("not executable")
    for argv in (["no-such-program"], [str(tmp_path / "notes")]):
        with pytest.raises(ProgramError, match="no such program, or it is not executable"):
            Program(argv)


def test_a_program_is_looked_for_where_it_would_be_started(tmp_path: Path) -> None:
    script = tmp_path / "mine"
    script.write_text("#! /bin/sh -e\n")
    with pytest.raises(ProgramError, match="no such program, or it is not executable"):
        require("mine", str(tmp_path))
    script.chmod(0o755)
    require("mine", str(tmp_path))
    require("./mine", directory=str(tmp_path))
    for beside in ({}, {"path": "/nowhere"}, {"directory": "/"}):
        with pytest.raises(ProgramError, match="no such program"):
            require("mine", **beside)


@pytest.mark.parametrize("first", ["#!/bin/sh\r\n", "#!/nowhere\n", "#! /nowhere -x", "#!/etc/passwd\n"])
def test_a_script_needs_its_interpreter(first: str, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text(first)
    (tmp_path / "mine").chmod(0o755)
    with pytest.raises(ProgramError, match="its first line names '/"):
        require("./mine", directory=str(tmp_path))
