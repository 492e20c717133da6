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
# Far shorter than a segment: what a longer period leaves over at a pause would be spent after it.
PERIOD_US = 10_000


@contextlib.contextmanager
def weighed(network: Sequence[int], task: Sequence[int], quota_ratio: float | None) -> Iterator[None]:
    """The processes of both at equal weight, together at the highest; the task under a quota, if one is given."""
    if not os.access(CPU_TREE / "cgroup.procs", os.W_OK):
        pytest.skip("needs root and the cpu controller of cgroup v1")
    both = CPU_TREE / f"bench-{os.getpid()}"
    groups = {both / "network": network, both / "task": task}
    try:
        for group in (both, *groups):
            group.mkdir()
        (both / "cpu.shares").write_text(str(WEIGHT_MAX))
        if quota_ratio is not None:
            (both / "task/cpu.cfs_period_us").write_text(str(PERIOD_US))
            (both / "task/cpu.cfs_quota_us").write_text(str(round(quota_ratio * PERIOD_US)))
        for group, pids in groups.items():
            for pid in pids:
                (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        for group, pids in groups.items():
            for pid in pids:
                with contextlib.suppress(OSError):
                    (CPU_TREE / "cgroup.procs").write_text(str(pid))
            group.rmdir()
        both.rmdir()


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


@pytest.mark.parametrize(("quota_ratio", "truth", "off"), [(None, 2.0, 0.06), (0.2, 1.25, 0.03)])
def test_known_truths_come_out_in_both_designs(
    quota_ratio: float | None, truth: float, off: float, tmp_path: Path
) -> None:
    network = str(small_network(tmp_path / "small.onnx"))
    beside = trial(network, Task("bitcount"), backend="onnxruntime-cpu", window_s=WINDOW_S)
    solo = dataclasses.replace(beside, task=None)
    turns = dataclasses.replace(beside, alternating=True)
    rig = HostRig()
    with rig.opened([beside, solo]):
        assert rig._hold is not None
        network_pids = [child.pid for child in rig._hold.children.worker(beside)]
        task_pids = [child.pid for child in rig._hold.children.tasks(beside)]
        steady, alternating = [], []
        with weighed(network_pids, task_pids, quota_ratio):
            for number in range(WINDOWS):
                pair = [rig.run(each).latencies_s.mean() for each in (solo, beside)[:: 1 if number % 2 else -1]]
                steady.append(float(np.log(pair[1] / pair[0]) * (1 if number % 2 else -1)))
                record = rig.run(dataclasses.replace(turns, trial_id=f"window {number}"))
                alternating.append(float(np.log(slowdown(record))))
    found = {"steady": described(steady), "alternating": described(alternating)}
    for design, (mean, half) in found.items():
        print(f"\n{design}: the mean times {mean:.3f} +- {half:.3f}, must be {truth}")
    for mean, _ in found.values():
        assert abs(mean - truth) <= off


def test_segments_without_a_task_are_as_quick_as_a_bare_loop(tmp_path: Path) -> None:
    inference = Inference(str(small_network(tmp_path / "small.onnx")), "onnxruntime-cpu")
    request = worker_request(inference, catalogue.resolve(inference.network, 1).file).to_json()
    turns = dataclasses.replace(
        trial(inference.network, Task("bitcount"), backend="onnxruntime-cpu", window_s=WINDOW_S), alternating=True
    )
    rig, ratios = HostRig(), []
    with rig.opened([turns]):
        assert rig._hold is not None
        worker, tasks = rig._hold.children.worker(turns), rig._hold.children.tasks(turns)
        bare = Child("bare", [sys.executable, "-c", BARE, request], Seat(CPUS[:1]))
        try:
            bare.ready(120)
            pids = [child.pid for child in (*worker, bare)]
            with weighed(pids, [child.pid for child in tasks], None):
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
