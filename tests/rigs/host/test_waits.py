"""Waits of real threads, and the quotas around them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from colocate.host.cpus.activity import trees
from colocate.host.cpus.cpuset import Seat
from colocate.host.cpus.misses import misses_of
from colocate.host.cpus.quota import Throttling
from colocate.host.processes.child import Child
from colocate.model.trial import Waits
from colocate.rigs.host.waits import ThreadCounts, WaitGauge, WaitReading, wait_gauge
from tests.cpu_workloads.conversation import eventually
from tests.rigs.host.trials import CPUS

BITCOUNT = [sys.executable, "-m", "cpu_workloads", "bitcount", "--child"]
BURN = [sys.executable, "-m", "cpu_workloads", "command", "--child", "--", "sh", "-c", "while :; do :; done"]
NS = 1e-9
NOTHING = Throttling(0, 0.0)


@contextlib.contextmanager
def working(command: list[str]) -> Iterator[Child]:
    child = Child("child", command, Seat(CPUS[:1]), runs_program=command is BURN)
    try:
        child.ready(120)
        child.go()
        yield child
    finally:
        child.close()


def gained(gauge: WaitGauge, before: WaitReading) -> Waits:
    """On a busy machine a thread may not have run at all yet."""
    return gauge.between(before, gauge.read()) or Waits(0.0, 0.0, 0, 0)


def all_gained(waits: Waits) -> bool:
    return waits.waited_s > 0.02 and waits.cpu_s > 0 and waits.involuntary > 0


def test_two_threads_on_one_cpu_wait_for_each_other() -> None:
    with working(BITCOUNT) as first, working(BITCOUNT), wait_gauge([first], [], pipeline=False) as gauge:
        before = gauge.read()
        assert eventually(lambda: all_gained(gained(gauge, before)))


def test_of_a_pipeline_the_program_launches() -> None:
    with working(BURN) as child:
        assert eventually(lambda: bool(trees([child.pid]).keys() - {child.pid}))
        with wait_gauge([child], [], pipeline=True) as gauge:
            assert child.pid not in gauge.programs and not gauge.launching and not gauge.misses
            before = gauge.read()
            assert eventually(lambda: gained(gauge, before).cpu_s > 0.02)


def test_sums_are_over_threads_and_a_new_one_began_at_nothing() -> None:
    begin = WaitReading({"1": ThreadCounts(10, 5, 2, 1), "9": ThreadCounts(7, 7, 7, 7)}, NOTHING, 8.0)
    end = WaitReading({"1": ThreadCounts(30, 25, 4, 2), "2": ThreadCounts(5, 1, 1, 0)}, Throttling(2, 0.5), 10.0)
    assert WaitGauge().between(begin, end) == Waits(21 * NS, 25 * NS, 3, 1, None, 2.0)
    # With a quota around them its time counts as well.
    assert WaitGauge(quotas=[Path("/group")]).between(begin, end) == Waits(21 * NS, 25 * NS, 3, 1, 0.5, 2.0)


def test_misses_are_those_between_the_readings() -> None:
    ran = [{"1": ThreadCounts(ns, 0, 0, 0)} for ns in (10, 30)]
    for begin, end, misses in ((100.0, 250.0, 150.0), (100.0, 99.0, 0.0), (None, 100.0, None), (100.0, None, None)):
        readings = WaitReading(ran[0], NOTHING, 8.0, begin), WaitReading(ran[1], NOTHING, 10.0, end)
        assert WaitGauge().between(*readings) == Waits(0.0, 20 * NS, 0, 0, None, 2.0, misses)


def test_a_machine_that_counts_misses_has_them_in_every_window() -> None:
    with (
        working(BITCOUNT) as child,
        misses_of(child.pid) as counter,
        wait_gauge([child], [], pipeline=False) as gauge,
    ):
        assert (counter is not None) == bool(gauge.misses)
        before = gauge.read()
        assert eventually(lambda: gained(gauge, before).cpu_s > 0.02)
        assert (counter is not None) == (gained(gauge, before).cache_misses is not None)


def test_without_a_network_or_a_kernel_that_counts_there_are_no_waits(tmp_path: Path) -> None:
    with wait_gauge([], [], pipeline=False) as nothing:
        assert nothing.between(nothing.read(), nothing.read()) is None
    done = subprocess.Popen(["true"])
    done.wait()
    gone = WaitGauge(launching=[done.pid])
    assert gone.between(gone.read(), gone.read()) is None
    thread = tmp_path / "5/task/5"
    thread.mkdir(parents=True)
    (thread / "schedstat").write_text("0 0 0\n")
    (thread / "status").write_text("Name:\tx\nvoluntary_ctxt_switches:\t4\nnonvoluntary_ctxt_switches:\t3\n")
    uncounted = WaitGauge(launching=[5], proc=tmp_path)
    assert uncounted.read().threads == {"5": ThreadCounts(0, 0, 4, 3)}
    assert uncounted.between(uncounted.read(), uncounted.read()) is None


@pytest.mark.parametrize("command", [BITCOUNT])
def test_a_task_without_a_network_is_watched_for_quotas(command: list[str]) -> None:
    with working(command) as child, wait_gauge([], [child], pipeline=False) as gauge:
        assert not gauge.launching
        assert gauge.between(gauge.read(), gauge.read()) is None
