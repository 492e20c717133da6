"""When inferences begin: one after the other, or when they are due."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pytest

from colocate.worker.__main__ import measure
from cpu_workloads.contract import Control

PERIOD_S = 0.01


class Script(Control):
    """A parent that speaks when the network has made so many inferences."""

    def __init__(self, network: Paced, inferences: int) -> None:
        self._network, self._inferences = network, inferences

    def pending(self) -> bool:
        return self._network.made >= self._inferences


class Paced:
    """A network whose inferences take the lengths given, then none at all."""

    def __init__(self, lengths_s: Sequence[float] = ()) -> None:
        self._lengths_s = lengths_s
        self.made = 0

    def infer(self) -> None:
        if self.made < len(self._lengths_s):
            time.sleep(self._lengths_s[self.made])
        self.made += 1

    def device_s(self) -> None: ...

    def facts(self) -> dict[str, str]:
        return {}


def served(network: Paced, inferences: int, period_s: float | None) -> tuple[np.ndarray, np.ndarray, int]:
    """Begins from the first one and latencies (n,) in s, and the number of inferences that were made."""
    report = measure(network, Script(network, inferences), period_s)
    begins_s, latencies_s = (np.array(report[key]) * 1e-9 for key in ("begins_ns", "latencies_ns"))
    assert report["begin_ns"] == report["begins_ns"][0] or period_s is None
    assert report["end_ns"] >= report["begins_ns"][-1] + report["latencies_ns"][-1]
    return begins_s - begins_s[0], latencies_s, network.made


def test_frames_are_due_at_each_multiple_of_the_period() -> None:
    begins_s, latencies_s, made = served(Paced(), 5, PERIOD_S)
    assert begins_s == pytest.approx(np.arange(5) * PERIOD_S, abs=1e-9)
    assert (latencies_s > 0).all() and made == 5


def test_a_late_one_begins_at_once_and_its_latency_counts_from_when_it_was_due() -> None:
    begins_s, latencies_s, _ = served(Paced([0.0, 3.5 * PERIOD_S]), 6, PERIOD_S)
    assert begins_s == pytest.approx(np.arange(6) * PERIOD_S, abs=1e-9), "none is left out, none is put off"
    assert latencies_s[1] >= 3.5 * PERIOD_S
    # The next three had to wait for it, each a period less than the one before.
    ends_s = begins_s + latencies_s
    assert (np.diff(ends_s)[1:4] >= 0).all() and (latencies_s[2:5] >= latencies_s[1] - [1e-2, 2e-2, 3e-2]).all()


def test_a_wait_ends_with_the_window() -> None:
    class Stops(Script):
        asked = 0

        def pending(self) -> bool:
            self.asked += 1
            return self.asked > 3

    network = Paced()
    report = measure(network, Stops(network, 0), PERIOD_S)
    assert network.made == len(report["begins_ns"]) == 2
    assert report["end_ns"] > report["begins_ns"][-1] + report["latencies_ns"][-1], "the wait is part of the window"


def test_back_to_back_one_follows_the_other() -> None:
    begins_s, latencies_s, _ = served(Paced([PERIOD_S] * 3), 3, None)
    assert (np.diff(begins_s) >= latencies_s[:-1]).all()
