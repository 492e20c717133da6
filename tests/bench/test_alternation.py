"""Alternating windows against what must come out, and against steady windows taken by turns with them.

A task on the network's own CPU at equal weight halves its rate, so that the mean latency doubles; under a quota of
20 % of that CPU it leaves 80 %, so that the mean is 1.25. Needs root and the cpu controller of cgroup v1: with a high
weight for the bench alone, nobody else on the machine counts. `pytest -m bench -s tests/bench/test_alternation.py`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from colocate.host.cpus.cpuset import Seat
from colocate.host.processes.child import Child
from colocate.inference.backends.registry import worker_request
from colocate.inference.networks import catalogue
from colocate.model.containment import parse_containment
from colocate.model.quality import QualityFlag
from colocate.model.request import Inference, Task
from colocate.model.trial import Condition, Trial, TrialRecord
from colocate.rigs.host.rig import HostRig
from colocate.study.conditions import alternating_pair
from tests.bench.test_overhead import BARE, latencies_ns, small_network
from tests.rigs.host.trials import CPUS, trial

pytestmark = pytest.mark.bench

WINDOWS, WINDOW_S = 24, 1.0
CPU_TREE = Path("/sys/fs/cgroup/cpu")
# The most that cgroup v1 takes, against 1024 for each process outside.
WEIGHT_MAX = 262_144
# How far a mean may lie from the truth.
OFF_RATIO = 0.03


@contextlib.contextmanager
def ahead_of_others() -> Iterator[None]:
    """Inside, this process and all groups that it makes are in one of the highest weight."""
    if not os.access(CPU_TREE / "cgroup.procs", os.W_OK):
        pytest.skip("needs root and the cpu controller of cgroup v1")
    group = CPU_TREE / f"bench-{os.getpid()}"
    group.mkdir()
    try:
        (group / "cpu.shares").write_text(str(WEIGHT_MAX))
        (group / "cgroup.procs").write_text(str(os.getpid()))
        yield
    finally:
        for pid in (group / "cgroup.procs").read_text().split():
            with contextlib.suppress(OSError):
                (CPU_TREE / "cgroup.procs").write_text(pid)
        group.rmdir()


def slowdown(record: TrialRecord) -> float:
    """Of the mean, in an alternating window."""
    pair = alternating_pair(record)
    assert pair is not None
    return math.exp(pair.log_ratio(lambda side: float(side.mean())))


def described(logs: list[float]) -> tuple[float, float]:
    """Median and half-width of its 95 % interval of ratios, from their logarithms: a burst of somebody else's falls
    into one window.
    """
    middle = statistics.median(logs)
    scatter = 1.4826 * statistics.median(abs(each - middle) for each in logs)
    return math.exp(middle), math.exp(middle) * 2.5 * scatter / len(logs) ** 0.5


@pytest.mark.parametrize(
    ("containment", "truth"),
    [("weight=100", 2.0), ("quota=10%/10", 1 / 0.9), ("quota=20%/10", 1 / 0.8), ("quota=50%/10", 1 / 0.5)],
)
def test_known_truths_come_out_in_both_designs(containment: str, truth: float, tmp_path: Path) -> None:
    network = str(small_network(tmp_path / "small.onnx"))
    task = Task("bitcount", containment=parse_containment(containment))
    beside = trial(network, task, backend="onnxruntime-cpu", window_s=WINDOW_S)
    # Long enough for the scheduler to find its level after the task was resumed.
    beside = dataclasses.replace(beside, warmup_s=0.1)
    solo = dataclasses.replace(beside, task=None)
    turns = dataclasses.replace(beside, alternating=True)
    steady, alternating, late = [], [], 0
    with ahead_of_others():
        rig = HostRig()
        with rig.opened([beside, solo]):
            for number in range(WINDOWS):
                pair = [rig.run(each).latencies_s.mean() for each in (solo, beside)[:: 1 if number % 2 else -1]]
                steady.append(float(np.log(pair[1] / pair[0]) * (1 if number % 2 else -1)))
                record = rig.run(dataclasses.replace(turns, trial_id=f"window {number}"))
                alternating.append(float(np.log(slowdown(record))))
                late += QualityFlag.PAUSED_LATE in record.warnings
    found = {"steady": described(steady), "alternating": described(alternating)}
    for design, (mean, half) in found.items():
        print(f"\n{containment}, {design}: the mean times {mean:.3f} +- {half:.3f}, must be {truth:.3f}")
    print(f"{late} of {WINDOWS} windows with a pause that came late; load {os.getloadavg()[0]:.1f}")
    for mean, _ in found.values():
        assert abs(mean / truth - 1) <= OFF_RATIO


@pytest.mark.parametrize("containment", ["idle", "weight=1"])
def test_a_task_that_gets_no_cpu_is_no_reason_for_long_or_lost_segments(containment: str, tmp_path: Path) -> None:
    """It takes up to a second to stand still; meanwhile it disturbs nobody."""
    network = str(small_network(tmp_path / "small.onnx"))
    task = Task("bitcount", containment=parse_containment(containment))
    turns = dataclasses.replace(
        trial(network, task, backend="onnxruntime-cpu", window_s=WINDOW_S), warmup_s=0.1, alternating=True
    )
    logs, late, segments_s = [], 0, list[float]()
    with ahead_of_others():
        rig = HostRig()
        with rig.opened([turns]):
            for number in range(WINDOWS):
                record = rig.run(dataclasses.replace(turns, trial_id=f"window {number}"))
                logs.append(float(np.log(slowdown(record))))
                late += QualityFlag.PAUSED_LATE in record.warnings
                segments_s += [each.length_s for each in record.segments if each.condition is Condition.ALONE]
    mean, half = described(logs)
    print(f"\n{containment}: the mean times {mean:.3f} +- {half:.3f}, must be 1; {late} of {WINDOWS} paused late")
    print(f"without the task {1e3 * min(segments_s):.0f} to {1e3 * max(segments_s):.0f} ms of a segment count")
    assert abs(mean - 1) <= OFF_RATIO
    # Who makes or removes cgroups elsewhere on the machine holds up a freezer.
    assert late <= WINDOWS / 4


def test_segments_without_a_task_are_as_quick_as_a_bare_loop(tmp_path: Path) -> None:
    inference = Inference(str(small_network(tmp_path / "small.onnx")), "onnxruntime-cpu")
    request = worker_request(inference, catalogue.resolve(inference.network, 1).file).to_json()
    turns = dataclasses.replace(
        trial(inference.network, Task("bitcount"), backend="onnxruntime-cpu", window_s=WINDOW_S), alternating=True
    )
    ratios = []
    with ahead_of_others():
        rig = HostRig()
        with rig.opened([turns]):
            bare = Child("bare", [sys.executable, "-c", BARE, request], Seat(CPUS[:1]))
            try:
                bare.ready(120)
                for number in range(2 * WINDOWS):
                    ours, theirs = taken(rig, turns, bare, number)
                    ratios.append(float(np.median(ours) / np.median(theirs)))
            finally:
                bare.close()
    print(f"\nworker in segments without a task over a bare loop: {np.median(ratios):.4f}")
    assert np.median(ratios) <= 1.005


def taken(rig: HostRig, turns: Trial, bare: Child, number: int) -> tuple[Sequence[float], Sequence[float]]:
    """Latencies of one window of each, in s, in turning order."""
    theirs = latencies_ns(bare, WINDOW_S / 2) if number % 2 else []
    record = rig.run(dataclasses.replace(turns, trial_id=f"window {number}"))
    theirs = theirs or latencies_ns(bare, WINDOW_S / 2)
    return record.latencies_s[record.conditions == Condition.ALONE].tolist(), [each / 1e9 for each in theirs]
