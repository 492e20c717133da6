"""The process that serves one network, spoken to as a rig speaks to it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from colocate.errors import TrialError
from colocate.host.cpus.cpuset import Seat
from colocate.host.processes.child import Child
from colocate.worker.__main__ import PROFILED_MAX, PROFILED_MIN
from colocate.worker.request import Request
from tests.small import small_network

# Far beyond what any step takes.
PATIENCE_S = 120.0
SPIN = Request("colocate.worker.backends.synthetic:Synthetic", "spin-1ms")
MADE_UP = """
import gc
from colocate.worker.backend import ProfiledStep
from colocate.worker.errors import WorkerError
class Backend:
    made = 0
    def __init__(self, request): pass
    def infer(self):
        self.made += 1
        if self.made > {last}:
            raise WorkerError("the GPU fell off the bus")
    def device_s(self): return 0.5
    def facts(self): return {{"collector": gc.isenabled(), "frozen": gc.get_freeze_count() > 0, "made": self.made}}
    def profile(self, inferences): return [ProfiledStep("only", "Conv", float(inferences))]
"""


@contextlib.contextmanager
def worker(request: Request) -> Iterator[Child]:
    command = [sys.executable, "-m", "colocate.worker", request.to_json()]
    child = Child("worker", command, Seat(tuple(sorted(os.sched_getaffinity(0)))))
    try:
        yield child
    finally:
        child.close()


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Request:
    """A runtime whose inferences take no time."""
    (tmp_path / "made_up.py").write_text(MADE_UP.format(last="10**9"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return Request("made_up:Backend", "anything")


def test_it_is_ready_when_it_is_warm_and_its_collector_rests(made_up: Request) -> None:
    with worker(made_up) as child:
        facts = child.ready(PATIENCE_S)
    python = ".".join(map(str, sys.version_info[:3]))
    assert facts["runtime"] == {"python": python, "collector": False, "frozen": True, "made": 2}
    assert facts["inference_s"] >= 0


def test_a_window_counts_from_the_last_go() -> None:
    with worker(SPIN) as child:
        assert child.ready(PATIENCE_S)["inference_s"] > 0.999e-3
        before_ns = time.monotonic_ns()
        child.go()
        time.sleep(0.05)
        second_ns = time.monotonic_ns()
        child.go()
        time.sleep(0.05)
        report = child.stop(PATIENCE_S)
        child.go()
        again = child.stop(PATIENCE_S)
    assert before_ns < second_ns <= report["begin_ns"] <= report["begins_ns"][0]
    assert len(report["begins_ns"]) == len(report["latencies_ns"]) >= 1
    assert min(report["latencies_ns"]) > 999_000, "a spin of a millisecond, but for what a float rounds off"
    assert report["end_ns"] - report["begin_ns"] >= sum(report["latencies_ns"])
    assert (report["devices_s"], "profile" in report) == ([], False)
    assert again["begins_ns"][0] > report["end_ns"], "the same worker serves the next window"


def test_a_profile_follows_a_window_that_is_over_and_no_other(made_up: Request) -> None:
    with worker(made_up._replace(profiled=True)) as child:
        child.ready(PATIENCE_S)
        child.go()
        child.go()
        report = child.stop(PATIENCE_S)
    (step,) = report["profile"]
    assert (step["name"], step["kind"]) == ("only", "Conv")
    assert PROFILED_MIN <= step["time_s"] <= PROFILED_MAX, "inferences that it was asked for"
    assert set(report["devices_s"]) == {0.5}


def test_a_real_runtime_profiles_what_it_served(tmp_path: Path) -> None:
    target = "colocate.worker.backends.onnxruntime_cpu:OnnxRuntimeCpu"
    request = Request(target, "small", batch=2, file=small_network(tmp_path).file, profiled=True)
    with worker(request) as child:
        assert child.ready(PATIENCE_S)["runtime"]["provider"] == "CPUExecutionProvider"
        child.go()
        report = child.stop(PATIENCE_S)
    assert {"Conv", "MatMul"} <= {step["kind"] for step in report["profile"]}


def test_what_cannot_be_loaded_is_one_line() -> None:
    command = [sys.executable, "-m", "colocate.worker", SPIN._replace(network="alexnet").to_json()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        # Its stdin stays open: the parent is there, so the process ends for its own reason.
        assert process.stdout.read() == b""
        said = process.stderr.read()
        assert process.wait() == 1
    assert said.count(b"\n") == 1 and b"not 'alexnet'" in said


def test_a_fault_in_a_window_is_one_line(made_up: Request, tmp_path: Path) -> None:
    (tmp_path / "made_up.py").write_text(MADE_UP.format(last="2"))
    with worker(made_up) as child:
        child.ready(PATIENCE_S)
        with pytest.raises(TrialError, match=r"worker ended \(exit status 1\): the GPU fell off the bus"):
            child.go()
            child.stop(PATIENCE_S)
