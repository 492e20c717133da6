"""The user's own program as the network: real programs, spoken to as a rig speaks to a worker."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from colocate.errors import TrialError
from colocate.host.cpus.cpuset import Seat
from colocate.host.processes.child import Child, launcher
from colocate.worker.pipeline import PipelineRequest, from_json, within
from tests.cpu_workloads.conversation import eventually, is_running
from tests.cpu_workloads.tasks import gone, pids
from tests.worker.pipelines import HEADER, IN_C, PATTERN, marks, prints

PATIENCE_S = 120.0
# Holds an inference of 2 ms, however many processes share its CPU.
LONG_S = 1.5
SAYING = ("sh", "-c", "echo infer: 2.0 ms; exec sleep 600")
CPUS = tuple(sorted(os.sched_getaffinity(0)))
# Two children of the program, in sessions of their own; their ids go to the file named in the environment.
FORKS = """
children = []
for _ in range(2):
    if (pid := os.fork()) == 0:
        os.setsid()
        time.sleep(600)
    children.append(pid)
open(os.environ["PIDS"] + ".part", "w").write(" ".join(map(str, [os.getpid(), *children])))
os.rename(os.environ["PIDS"] + ".part", os.environ["PIDS"])
"""


@contextlib.contextmanager
def pipeline(argv: tuple[str, ...], latency: str | None = None, **more: Any) -> Iterator[Child]:
    request = PipelineRequest(argv, latency, **more)
    command = [sys.executable, "-m", "colocate.worker.pipeline", request.to_json()]
    child = Child("cam", command, Seat(CPUS), runs_program=True)
    try:
        yield child
    finally:
        child.close()


def window(child: Child, seconds: float = LONG_S) -> dict[str, Any]:
    child.go()
    time.sleep(seconds)
    return dict(child.stop(PATIENCE_S))


def whole(report: dict[str, Any], before_ns: int) -> None:
    """The report is one of a window of inferences of 2 ms and no less."""
    assert before_ns <= report["begin_ns"] <= report["begins_ns"][0] < report["end_ns"] <= time.monotonic_ns()
    assert len(report["begins_ns"]) == len(report["latencies_ns"]) >= 1
    assert report["begins_ns"] == sorted(report["begins_ns"])
    assert min(report["latencies_ns"]) > 1_990_000
    ends_ns = [b + latency for b, latency in zip(report["begins_ns"], report["latencies_ns"], strict=True)]
    assert max(ends_ns) == report["end_ns"]
    assert report["devices_s"] == [] and report["cpu_s"] >= 0


@pytest.fixture(scope="module")
def in_c(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    if shutil.which("gcc") is None:
        pytest.skip("there is no C compiler")
    folder = tmp_path_factory.mktemp("in-c")
    (folder / "program.c").write_text(IN_C)
    subprocess.run(["gcc", "-O1", f"-I{HEADER.parent}", "-o", "program", "program.c"], cwd=folder, check=True)
    return (str(folder / "program"),)


@pytest.mark.parametrize(("how", "latency"), [("prints", PATTERN), ("marks", None), ("in C", None)])
def test_a_program_serves_windows(how: str, latency: str | None, in_c: tuple[str, ...]) -> None:
    argv = {"prints": prints(), "marks": marks(), "in C": in_c}[how]
    with pipeline(argv, latency) as child:
        facts = child.ready(PATIENCE_S)
        assert facts["inference_s"] > 0.00199
        assert argv[0] in facts["runtime"]["program"]
        for _ in range(2):
            before_ns = time.monotonic_ns()
            whole(window(child), before_ns)


def test_a_second_go_counts_anew_and_leaves_the_program_alone(tmp_path: Path) -> None:
    argv = marks(before=f"open({str(tmp_path / 'starts')!r}, 'a').write('x')")
    with pipeline(argv) as child:
        child.ready(PATIENCE_S)
        child.go()
        time.sleep(0.1)
        before_ns = time.monotonic_ns()
        whole(window(child), before_ns)
    assert (tmp_path / "starts").read_text() == "x"


def test_the_program_runs_where_it_is_put_with_its_own_environment_and_folder(tmp_path: Path) -> None:
    said = "open('here', 'w').write(repr((os.environ['WORD'], os.sched_getaffinity(0))))"
    seat = tuple(launcher(Seat(CPUS[-1:])))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "program").write_text(f"#!/bin/sh\nexec {sys.executable} program.py\n")
    (tmp_path / "folder" / "program").chmod(0o755)
    (tmp_path / "folder" / "program.py").write_text(marks(before=said)[2])
    more: dict[str, Any] = {"environment": {"WORD": "of its own"}, "directory": str(tmp_path / "folder")}
    with pipeline(("./program",), launcher=seat, **more) as child:
        child.ready(PATIENCE_S)
        assert os.sched_getaffinity(child.pid) == set(CPUS)
    assert (tmp_path / "folder" / "here").read_text() == repr(("of its own", {CPUS[-1]}))


@pytest.mark.parametrize(
    ("argv", "latency", "said"),
    [
        (
            ("sleep", "600"),
            PATTERN,
            "it printed no line that matches '{}' within 0.5 s and was ended; it printed nothing",
        ),
        (
            ("sleep", "600"),
            None,
            "it printed no record to the descriptor in COLOCATE_FD within 0.5 s and was ended; it printed ",
        ),
        # Not Python, which on a busy machine takes longer to start.
        (SAYING, "took ([0-9.]+)", r"within 0.5 s and was ended; it printed last: infer: 2.0 ms"),
        (SAYING, PATTERN, "it printed one line that matches '{}', and no second within 0.5"),
    ],
)
def test_silence_is_one_line_with_what_it_said_last(argv: tuple[str, ...], latency: str | None, said: str) -> None:
    with pipeline(argv, latency, ready_s=0.5) as child, pytest.raises(TrialError) as caught:
        child.ready(PATIENCE_S)
    assert re.search(said.replace("{}", re.escape(latency or "")), str(caught.value))
    assert str(caught.value).startswith("cam ended (exit status 1): ")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("sh", "-c", "echo no such camera >&2; exit 3"), "(exit status 3): no such camera"),
        (("sh", "-c", "echo done"), "(exit status 0): a pipeline runs until it is ended; it said: done"),
        (("true",), "(exit status 0): a pipeline runs until it is ended; it said nothing"),
        (("sh", "-c", "kill -40 $$"), "(exit status 168): killed by signal 40: it said nothing"),
        (("sh", "-c", "exit 4"), "(exit status 4): it said nothing"),
        (("sh", "-c", "echo bye; kill -SEGV $$"), "(exit status 139): killed by SIGSEGV: bye"),
        (("no-such-program",), "cannot start 'no-such-program': no such program, or it is not executable"),
        (("./text",), "(exit status 1): cannot start ./text: Exec format error"),
        (prints(before="print('infer: . ms')"), "'.' is no latency above 0 in its line 'infer: . ms'"),
    ],
)
def test_a_failure_at_the_start_is_one_line(argv: tuple[str, ...], said: str, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("\x00neither a script nor a binary")
    (tmp_path / "text").chmod(0o755)
    seat = tuple(launcher(Seat(CPUS)))
    with (
        pipeline(argv, PATTERN, directory=str(tmp_path), launcher=seat) as child,
        pytest.raises(TrialError, match=re.escape(said)) as caught,
    ):
        child.ready(PATIENCE_S)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with (
        pipeline(("true",), directory=str(tmp_path / "nowhere")) as child,
        pytest.raises(TrialError, match="nowhere cannot be entered: No such file"),
    ):
        child.ready(PATIENCE_S)


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ("sys.exit('the camera is gone')", r"cam ended \(exit status 1\): the camera is gone"),
        ("sys.exit(0)", r"cam ended \(exit status 0\): a pipeline runs until it is ended; it said: "),
        ("os.kill(os.getpid(), 9)", r"cam ended \(exit status 137\): killed by SIGKILL: "),
        (
            "print('infer: . ms')",
            r"cam ended \(exit status 1\): '\.' is no latency above 0 in its line 'infer: \. ms'",
        ),
    ],
)
def test_a_failure_in_a_window_is_one_line(then: str, said: str, tmp_path: Path) -> None:
    word = tmp_path / "word"
    with pipeline(prints(after=f"if os.path.exists({str(word)!r}): {then}"), PATTERN) as child:
        child.ready(PATIENCE_S)
        child.go()
        word.touch()
        time.sleep(0.2)
        with pytest.raises(TrialError, match=said) as caught:
            child.stop(PATIENCE_S)
    assert "\n" not in str(caught.value)


def test_only_a_window_that_is_over_needs_an_inference(tmp_path: Path) -> None:
    word, rests = tmp_path / "word", tmp_path / "rests"
    rest = f"while os.path.exists({str(word)!r}): open({str(rests)!r}, 'w'); time.sleep(0.001)"

    def put_to_rest() -> None:
        rests.unlink(missing_ok=True)
        word.touch()
        assert eventually(rests.exists)

    with pipeline(marks(after=rest)) as child:
        child.ready(PATIENCE_S)
        put_to_rest()
        child.go()
        time.sleep(0.1)
        child.go()
        word.unlink()
        time.sleep(LONG_S)
        assert child.stop(PATIENCE_S)["latencies_ns"]
        put_to_rest()
        said = r"no inference began and ended within the \d\S* s: one took \S+ s at the start.*: --window \d"
        with pytest.raises(TrialError, match=said):
            window(child, 0.1)


def test_none_of_its_children_is_alive_afterwards(tmp_path: Path) -> None:
    with pipeline(marks(before=FORKS), environment={"PIDS": str(tmp_path / "pids")}) as child:
        child.ready(PATIENCE_S)
        members = pids(tmp_path / "pids")
        assert window(child)["latencies_ns"]
        assert all(is_running(pid) for pid in members)
    assert all(gone(pid) for pid in members)


def test_what_an_ended_program_leaves_behind_is_ended(tmp_path: Path) -> None:
    argv = marks(before=FORKS, after="if n == 2: sys.exit(5)")
    with pipeline(argv, environment={"PIDS": str(tmp_path / "pids")}) as child:
        with pytest.raises(TrialError, match="exit status 5"):
            child.ready(PATIENCE_S)
            window(child)
        assert all(gone(pid) for pid in pids(tmp_path / "pids"))


def test_a_signal_ends_all_of_it(tmp_path: Path) -> None:
    argv = marks(before=FORKS)
    with pipeline(argv, environment={"PIDS": str(tmp_path / "pids")}) as child:
        child.ready(PATIENCE_S)
        members = pids(tmp_path / "pids")
        psutil.Process(child.pid).terminate()
        assert all(gone(pid) for pid in members)
        assert eventually(lambda: not is_running(child.pid))


def test_a_flood_of_output_loses_no_inference() -> None:
    flood = "sys.stdout.write('x' * 100 + '\\n' + 'y' * 5000); sys.stderr.write('noise\\n' * 1000)"
    with pipeline(prints(after=f"print(); {flood}; print()"), PATTERN) as child:
        child.ready(PATIENCE_S)
        before_ns = time.monotonic_ns()
        whole(window(child, 0.5), before_ns)


def test_a_request_survives_its_json() -> None:
    request = PipelineRequest(("a", "b"), "x(y)", "us", {"A": "1"}, "/tmp", 3.0, ("launch", "-"))
    assert from_json(request.to_json()) == request
    assert from_json(PipelineRequest(("a",)).to_json()) == PipelineRequest(("a",))


def test_a_window_holds_whole_turns_of_the_program() -> None:
    turns = [(10, 14), (20, 24), (30, 34), (40, 44)]
    report = within(turns, 12, 36)
    assert report is not None
    assert (report["begin_ns"], report["end_ns"]) == (14, 34), "from the end of the one under way at `go`"
    assert (report["begins_ns"], report["latencies_ns"]) == ([20, 30], [4, 4])
    waiting = within(turns, 16, 44)
    assert waiting is not None and (waiting["begin_ns"], waiting["end_ns"]) == (16, 44)
    assert within(turns, 21, 33) is None


def test_several_may_be_under_way_at_a_time() -> None:
    report = within([(0, 50), (5, 30), (10, 60), (20, 40)], 8, 70)
    assert report is not None
    assert (report["begin_ns"], report["end_ns"]) == (10, 60)
    assert (report["begins_ns"], report["latencies_ns"]) == ([10, 20], [50, 20])
