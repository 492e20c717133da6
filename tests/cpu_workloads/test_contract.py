"""The conversation, with a real child process."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

pytest.importorskip("cpu_workloads._kernels", reason="the C kernels are not built")

from cpu_workloads.registry import names
from tests.cpu_workloads.conversation import DEADLINE_S, ROOT, child


@pytest.mark.parametrize("name", names())
def test_ready_go_stop(name: str) -> None:
    with child(name, "--child") as stressor:
        ready = stressor.hear()["ready"]
        assert ready["unit"] in {"words", "passes", "frames"}
        assert ready["footprint_bytes"] > 0
        before_ns = time.monotonic_ns()
        stressor.say("go")
        time.sleep(0.1)
        stressor.say("stop")
        report = stressor.hear()
        assert "failed" not in report
        assert report["unit"] == ready["unit"]
        assert report["count"] > 0
        assert before_ns <= report["begin_ns"] < report["end_ns"] <= time.monotonic_ns()
        # Counting is not idle waiting; how much of a CPU it gets is the machine's affair.
        assert 0 < report["cpu_s"] <= (report["end_ns"] - report["begin_ns"]) / 1e9 + 0.1


def test_a_second_go_starts_the_count_anew() -> None:
    with child("bitcount", "--child") as stressor:
        stressor.hear()
        stressor.say("go")
        time.sleep(0.1)
        middle_ns = time.monotonic_ns()
        stressor.say("go")
        time.sleep(0.05)
        stop_ns = time.monotonic_ns()
        stressor.say("stop")
        report = stressor.hear()
        assert middle_ns <= report["begin_ns"]
        assert report["count"] % 40_000 == 0
        stressor.say("go")
        time.sleep(0.02)
        stressor.say("stop")
        assert stressor.hear()["begin_ns"] >= stop_ns


def test_an_idle_stressor_uses_no_cpu() -> None:
    with child("stringsearch", "--child") as stressor:
        stressor.hear()
        stressor.say("go")
        stressor.say("stop")
        stressor.hear()
        times = psutil.Process(stressor.process.pid).cpu_times()
        time.sleep(0.3)
        later = psutil.Process(stressor.process.pid).cpu_times()
        assert later.user + later.system - times.user - times.system <= 0.02


@pytest.mark.parametrize("words", [[], ["go"], ["go", "stop"]])
def test_end_of_file_ends_the_child(words: list[str]) -> None:
    with child("jpeg-small", "--child") as stressor:
        stressor.hear()
        for word in words:
            stressor.say(word)
        stressor.hang_up()
        assert stressor.process.wait(DEADLINE_S) == 0


_PEEK = """
from cpu_workloads.contract import Control
control = Control()
peeked, pending = control.peek(), control.pending()
control.say({"seen": [peeked, pending, control.peek(), control.take(), control.pending()]})
"""


def test_peek_leaves_the_word_to_take() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PEEK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write("go\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["seen"] == ["go", True, "go", "go", False]


_SAY_IN_VAIN = """
import os, sys
from cpu_workloads.contract import Control
Control(at_end=lambda: os.write(2, b"ended\\n")).say({})
"""


def test_a_parent_that_cannot_be_answered_counts_as_dead() -> None:
    with (
        Path("/dev/full").open("w") as full,
        subprocess.Popen(
            [sys.executable, "-c", _SAY_IN_VAIN],
            stdin=subprocess.PIPE,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        ) as process,
    ):
        assert process.stderr is not None
        assert process.stderr.read() == "cannot answer on stdout: No space left on device\nended\n"
        assert process.wait(DEADLINE_S) == 1


_FORK = """
import multiprocessing
from cpu_workloads.contract import Control
control = Control()
child = multiprocessing.get_context("fork").Process(target=print, args=("forked",))
child.start()
child.join(FORK_S)
control.say({"ended": child.exitcode == 0, "next": control.take()})
"""


def test_a_process_forked_from_a_child_ends_and_takes_no_word() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _FORK.replace("FORK_S", str(DEADLINE_S / 2))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    ) as process:  # fmt: skip
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write("go\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline()) == {"ended": True, "next": "go"}
