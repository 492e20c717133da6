"""Board time until a slowdown is known to 2 %, by alternating windows and by steady ones, by turns on this machine.

Two networks beside a task that does nothing, beside bitcount and beside jpeg, each on CPUs of its own; on the GPU
where this machine runs networks there. With s the standard deviation of one log ratio, which takes b seconds of the
board, and h the half-width, it takes about b (2 s / h)^2: so the ratio of the two designs is that of b s^2, whatever
h is. `pytest -m bench -s tests/bench/test_board_time.py` takes five minutes.
"""

from __future__ import annotations

import dataclasses
import math
import os
import random
import statistics
import time
from collections import defaultdict

import pytest

from colocate.model.request import Inference, Task
from colocate.model.trial import Trial, TrialRecord
from colocate.rigs.host.rig import HostRig
from colocate.study.conditions import Pair, alternating_pair, steady_pair
from colocate.study.plan import placement, settled_backend
from colocate.study.stats import sample_quantile
from tests.rigs.host.trials import CPUS, NATIVE

pytestmark = pytest.mark.bench

ROUNDS = int(os.environ.get("COLOCATE_ROUNDS", "12"))
HALF_WIDTH = 0.02
WARMUP_S, WINDOW_S = 0.2, 1.0
TASKS = (Task("nothing", ("sleep", "1000")), Task("bitcount"), Task("jpeg"))


def networks(rig: HostRig) -> list[Inference]:
    """On a GPU two that are launched kernel by kernel."""
    best = settled_backend(Inference("alexnet"), rig.facts()).backend
    names = ("alexnet", "squeezenet1_1") if best == "onnxruntime-cpu" else ("alexnet", "googlenet")
    return [Inference(name, best) for name in names]


def log_ratio(pair: Pair | None) -> float:
    assert pair is not None
    return pair.log_ratio(lambda side: sample_quantile(side, 0.5))


class Board:
    """Runs windows and counts the seconds that they take."""

    def __init__(self, rig: HostRig) -> None:
        self._rig, self._number = rig, 0
        self.busy_s = 0.0

    def ran(self, trial: Trial) -> TrialRecord:
        """Each with an id of its own, which draws the order of its segments."""
        self._number += 1
        began_s = time.monotonic()
        record = self._rig.run(dataclasses.replace(trial, trial_id=f"window {self._number}"))
        self.busy_s += time.monotonic() - began_s
        return record


def taken(board: Board, beside: Trial) -> dict[str, tuple[float, float]]:
    """The log ratio of each design and the seconds it took, in an order by lot."""
    found: dict[str, tuple[float, float]] = {}
    for design in random.sample(("steady", "alternating"), 2):
        began_s = board.busy_s
        if design == "alternating":
            ratio = log_ratio(alternating_pair(board.ran(dataclasses.replace(beside, alternating=True))))
        else:
            sides = random.sample((dataclasses.replace(beside, task=None), beside), 2)
            records = {trial.task: board.ran(trial) for trial in sides}
            ratio = log_ratio(steady_pair(records[None], records[beside.task]))
        found[design] = ratio, board.busy_s - began_s
    return found


def test_alternating_windows_need_a_tenth_of_the_time() -> None:
    rig = HostRig()
    place = placement("isolated", None, CPUS)
    trials = [
        Trial("id", 0, 0, inference, task, NATIVE, place, WARMUP_S, 0.0, WINDOW_S)
        for inference in networks(rig)
        for task in TASKS
    ]
    seen: defaultdict[tuple[str, str, str], list[tuple[float, float]]] = defaultdict(list)
    with rig.opened([*trials, *(dataclasses.replace(trial, task=None) for trial in trials)]):
        board = Board(rig)
        for _ in range(ROUNDS):
            for trial in trials:
                assert trial.inference is not None and trial.task is not None
                for design, value in taken(board, trial).items():
                    seen[trial.inference.network, trial.task.name, design].append(value)
    gains = []
    for trial in trials:
        assert trial.inference is not None and trial.task is not None
        needed_s = {}
        for design in ("steady", "alternating"):
            ratios, lengths_s = zip(*seen[trial.inference.network, trial.task.name, design], strict=True)
            scatter = statistics.stdev(ratios)
            needed_s[design] = statistics.fmean(lengths_s) * (2 * scatter / HALF_WIDTH) ** 2
            mean, half = math.exp(statistics.fmean(ratios)), 2 * scatter / ROUNDS**0.5
            print(
                f"{trial.inference.network} beside {trial.task.name}, {design}: slowdown {mean:.4f} +- {half:.4f}, "
                f"scatter {scatter:.4f}, {needed_s[design]:.2f} s of the board"
            )
        gains.append(needed_s["steady"] / needed_s["alternating"])
    print(f"{trials[0].inference and trials[0].inference.backend}: " + ", ".join(f"{gain:.1f}" for gain in gains))
    print(f"median {statistics.median(gains):.1f}")
    assert statistics.median(gains) >= 10 and min(gains) >= 2
