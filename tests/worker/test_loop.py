"""When inferences begin: one after the other, or when they are due."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from colocate.worker import loop
from colocate.worker.loop import measure
from cpu_workloads.contract import Control

PERIOD_S = 0.01
PERIOD_NS = 10_000_000


class Script(Control):
    """A parent that speaks when the network has made so many inferences."""

    def __init__(self, network: Paced, inferences: int) -> None:
        self._network, self._inferences = network, inferences

    def pending(self) -> bool:
        return self._network.made >= self._inferences


class Paced:
    """A network whose inferences take the lengths given, then none at all."""

    def __init__(self, lengths_s: Sequence[float] = (), device_s: float | None = None) -> None:
        self._lengths_s, self._device_s = lengths_s, device_s
        self.made = 0

    def infer(self) -> None:
        if self.made < len(self._lengths_s):
            time.sleep(self._lengths_s[self.made])
        self.made += 1

    def device_s(self) -> float | None:
        return self._device_s

    def facts(self) -> dict[str, str]:
        return {}


class VirtualTime:
    """The clocks and the module time of a machine that is never late: a look at its clock takes a microsecond."""

    def __init__(self) -> None:
        self.now_ns = 0

    def monotonic_ns(self) -> int:
        self.now_ns += 1000
        return self.now_ns

    process_time_ns = monotonic_ns

    def sleep(self, length_s: float) -> None:
        self.now_ns += round(length_s * 1e9)


def served(
    network: Paced, inferences: int, period_s: float | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], int]:
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


def test_a_wait_ends_with_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = VirtualTime()
    monkeypatch.setattr(loop, "time", clock)
    for name in ("monotonic_ns", "process_time_ns"):
        monkeypatch.setattr(loop, name, getattr(clock, name))

    class Stops(Script):
        def pending(self) -> bool:
            return clock.now_ns > 1.5 * PERIOD_NS

    network = Paced()
    report = measure(network, Stops(network, 0), PERIOD_S)
    assert network.made == len(report["begins_ns"]) == 2
    assert report["end_ns"] > report["begins_ns"][-1] + report["latencies_ns"][-1], "the wait is part of the window"
    assert report["end_ns"] < report["begin_ns"] + 2 * PERIOD_NS, "the third frame was not waited for to the end"


def test_back_to_back_one_follows_the_other() -> None:
    begins_s, latencies_s, _ = served(Paced([PERIOD_S] * 3), 3, None)
    assert (np.diff(begins_s) >= latencies_s[:-1]).all()


@pytest.mark.parametrize("period_s", [None, PERIOD_S, 3600.0])
def test_a_parent_that_has_spoken_already_gets_one_inference(period_s: float | None) -> None:
    _, latencies_s, made = served(Paced([PERIOD_S]), 0, period_s)
    assert made == len(latencies_s) == 1
    assert latencies_s[0] >= PERIOD_S


@pytest.mark.parametrize(("device_s", "kept"), [(None, []), (0.002, [0.002] * 3)])
def test_the_time_on_the_device_is_kept_where_it_is_known(device_s: float | None, kept: list[float]) -> None:
    network = Paced(device_s=device_s)
    assert measure(network, Script(network, 3))["devices_s"] == kept
