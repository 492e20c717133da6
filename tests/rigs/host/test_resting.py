"""With a task of numbers alone, in a time that passes only where the test says so."""

from __future__ import annotations

import time

import pytest

from colocate.rigs.host.gauge import Count, Counts
from colocate.rigs.host.resting import Resting


class Machine:
    """A task that is asked to pause, and may get CPU all the same."""

    unit, coarse, parts = None, False, ()

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s, self.cpu_s, self.still = 100.0, 0.0, False
        self.words = list[str]()
        monkeypatch.setattr(time, "monotonic", lambda: self.now_s)

    def ask(self) -> None:
        self.words.append("ask")

    def is_still(self) -> bool:
        return self.still

    def resume(self) -> None:
        self.words.append("resume")

    def read(self) -> Counts:
        return (Count(0.0, 0.0, self.cpu_s),)

    def passes(self, time_s: float, cpu_s: float = 0.0) -> None:
        self.now_s += time_s
        self.cpu_s += cpu_s


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_one_that_stands_still_does_so_at_once(machine: Machine) -> None:
    held = Resting(machine, machine)
    held.ask()
    assert not held.is_still()
    machine.still = True
    assert held.is_still()
    held.resume()
    assert machine.words == ["ask", "resume"]


def test_one_that_gets_no_cpu_rests_soon(machine: Machine) -> None:
    held = Resting(machine, machine)
    held.ask()
    machine.passes(0.004)
    assert not held.is_still()
    machine.passes(0.002)
    assert held.is_still()


def test_one_that_works_on_does_not_until_it_stops(machine: Machine) -> None:
    held = Resting(machine, machine)
    held.ask()
    for _ in range(3):
        machine.passes(0.006, cpu_s=0.003)
        assert not held.is_still()
    machine.passes(0.006)
    assert held.is_still()
