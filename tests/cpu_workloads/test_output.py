"""Where a program prints, what is kept of it, and what reading it may cost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cpu_workloads import output
from cpu_workloads.output import KEPT_BYTES, TAIL_BYTES, Output, ReadOutput, terminal
from cpu_workloads.progress import Progress
from tests.cpu_workloads.conversation import DEADLINE_S, ROOT, eventually

SAY = "import sys; print('out'); print('err', file=sys.stderr)"


def run(code: str, into: Output) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, **into.popen_options())


def test_the_end_of_what_this_start_said_on_stderr_is_kept() -> None:
    into = Output()
    into.begins()
    run(SAY, into)
    assert into.tail() == "err"
    into.begins()
    run(f"import sys; sys.stderr.write('x' * {2 * TAIL_BYTES} + 'end')", into)
    assert into.tail().endswith("xend") and len(into.tail()) == TAIL_BYTES


@pytest.mark.parametrize("reads", [False, True])
def test_a_file_gets_all_output_of_all_starts(tmp_path: Path, reads: bool) -> None:
    kept = tmp_path / "task.log"
    kept.write_text("before\n")
    into = ReadOutput(str(kept), ready_line="never") if reads else Output(str(kept))
    for _ in range(2):
        into.begins()
        run(SAY, into)
        assert sorted(into.tail().split()) == ["err", "out"]
    assert sorted(kept.read_text().split()) == ["before", "err", "err", "out", "out"]


def test_what_nobody_asked_to_keep_does_not_fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    into = Output()
    into.begins()
    run(f"import sys; sys.stderr.write('x' * {KEPT_BYTES + 1})", into)
    into.shorten()
    assert into.tail() == ""
    run("import sys; sys.stderr.write('still here')", into)
    into.shorten()
    assert into.tail() == "still here"


def test_lines_are_counted_on_both_outputs_though_the_program_never_flushes() -> None:
    progress = Progress(r"step (\d+)")
    into = ReadOutput(progress=progress)
    into.begins()
    code = "import sys, time; print('step 3'); print('step 7', file=sys.stderr); print('step 9'); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code], **into.popen_options()) as program:
        assert eventually(lambda: progress.total == 6 or progress.total == 2 + 9 or progress.total > 0)
        program.kill()


def test_a_ready_line_is_told_once_for_each_start() -> None:
    told: list[None] = []
    into = ReadOutput(ready_line="listening", ready=lambda: told.append(None))
    for number in range(1, 3):
        into.begins()
        run("print('now listening on 1'); print('listening')", into)
        assert eventually(lambda number=number: len(told) == number)  # type: ignore[misc]


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        Output(str(tmp_path / "absent" / "task.log"))


_STUCK = """
from cpu_workloads import output
from cpu_workloads.output import ReadOutput
from cpu_workloads.progress import Progress
import subprocess, time
output.MATCHING_MAX_S = 0.2
into = ReadOutput(progress=Progress("(?:a+)+$"))
into.begins()
subprocess.run(["echo", "a" * 60 + "b"], **into.popen_options())
time.sleep(600)
"""


def test_a_pattern_that_takes_for_ever_ends_the_process() -> None:
    done = subprocess.run([sys.executable, "-c", _STUCK], cwd=ROOT, check=False, timeout=DEADLINE_S)
    assert done.returncode == -signal.SIGVTALRM


def test_a_full_disk_does_not_stop_the_program(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    progress = Progress("x")
    into = ReadOutput(str(full), progress=progress)
    run("for _ in range(100): print('x' * 1000)", into)
    assert eventually(lambda: progress.total == 100)


def test_a_terminal_passes_on_what_is_written_unchanged() -> None:
    ours, programs = terminal()
    os.write(programs, b"a\nb\r\n")
    assert os.read(ours, 100) == b"a\nb\r\n"


def test_nobody_reads_where_no_line_is_asked_for() -> None:
    before = threading.active_count()
    Output()
    assert threading.active_count() == before
    assert output.MATCHING_MAX_S > 0
