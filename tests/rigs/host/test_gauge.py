from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from colocate.host.cpus.cpuset import Seat
from colocate.host.processes.child import Child
from colocate.model.trial import Work
from colocate.rigs.host.gauge import (
    Count,
    Counts,
    Part,
    by_cpu_time,
    cpu_between_s,
    gauged,
    process_cpu_s,
    slices,
    work_between,
    work_per_cpu_s,
    work_since,
)
from cpu_workloads.command_request import CommandRequest
from tests.cpu_workloads.conversation import eventually
from tests.rigs.host.trials import CPUS

SEAT = Seat(CPUS[:1])
BITCOUNT = [sys.executable, "-m", "cpu_workloads", "bitcount", "--child"]
BURN = [sys.executable, "-m", "cpu_workloads", "command", "--child", "--", "sh", "-c", "while :; do :; done"]


def test_the_step_under_way_counts_by_its_cpu_time() -> None:
    # 100 units in a second of CPU; a step lasts 0.1 s.
    begin, end = Count(100, 1.0, 1.08), Count(120, 1.2, 1.23)
    assert work_between((begin,), (end,), (100.0,)) == pytest.approx(15)
    assert work_between((begin, begin), (end, begin), (100.0, 7.0)) == pytest.approx(15)
    assert cpu_between_s((begin, begin), (end, end)) == pytest.approx(0.3)


def test_the_rate_is_each_processs_own() -> None:
    first, last = (Count(0, 0.0, 0.1), Count(5, 1.0, 1.0)), (Count(80, 2.0, 2.1), Count(5, 1.0, 1.0))
    assert work_per_cpu_s(first, last) == (40.0, 0.0)


def test_a_processs_cpu_time_is_finer_than_a_tick() -> None:
    import os

    before_s = process_cpu_s(os.getpid())
    own_s = time.process_time()
    assert before_s <= own_s <= process_cpu_s(os.getpid())


def test_stressors_are_read_while_they_work() -> None:
    children = [Child("bitcount", BITCOUNT, SEAT) for _ in range(2)]
    try:
        for child in children:
            child.ready(120)
            child.go()
        with gauged([(SEAT, children)]) as gauge:
            assert gauge.unit == "words"
            first = gauge.read()
            assert eventually(lambda: all(now.work > was.work for now, was in zip(gauge.read(), first, strict=True)))
            last = gauge.read()
        assert work_between(first, last, work_per_cpu_s(first, last)) > 0
        assert cpu_between_s(first, last) > 0
    finally:
        for child in children:
            child.close()


def test_a_programs_work_is_the_cpu_time_of_all_its_processes() -> None:
    child = Child("burn", BURN, SEAT, runs_program=True)
    try:
        child.ready(120)
        child.go()
        with gauged([(SEAT, [child])]) as gauge:
            first = gauge.read()
            assert gauge.unit is None
            assert eventually(lambda: cpu_between_s(first, gauge.read()) > 0.1)
    finally:
        child.close()


def test_a_group_that_counts_is_asked_first(tmp_path: Path) -> None:
    child = Child("burn", BURN, SEAT, runs_program=True)
    v1, v2 = tmp_path / "v1", tmp_path / "v2"
    v1.mkdir()
    v2.mkdir()
    (v1 / "cpuacct.usage").write_text("2500000000\n")
    (v2 / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 1\n")
    try:
        child.ready(120)
        for group, cpu_s in ((v1, 2.5), (v2, 1.5)):
            with gauged([(Seat(CPUS[:1], (tmp_path, group)), [child])]) as gauge:
                assert gauge.read() == (Count(cpu_s, cpu_s, cpu_s),)
    finally:
        child.close()


def test_a_programs_lines_are_its_work_where_they_tell_of_it() -> None:
    code = "n = 0\nwhile True:\n    n += 1\n    print('step', n)"
    request = CommandRequest((sys.executable, "-c", code), service=True, progress=r"step (\d+)")
    runner = [sys.executable, "-m", "cpu_workloads", "command", "--child", "--request", request.to_json()]
    child = Child("steps", runner, SEAT, runs_program=True)
    try:
        child.ready(120)
        child.go()
        with gauged([(SEAT, [child])]) as gauge:
            first = gauge.read()
            assert gauge.unit == "progress" and gauge.coarse
            assert eventually(lambda: work_between(first, gauge.read(), (0.0,)) > 100)
            last = gauge.read()
        assert cpu_between_s(first, last) > 0
        assert by_cpu_time(last)[0].work == last[0].cpu_s
    finally:
        child.close()


class Readings:
    """A gauge that shows one reading after another."""

    coarse = False
    parts: Sequence[Part] = ()

    def __init__(self, unit: str | None, *readings: Counts) -> None:
        self.unit, self._left = unit, list(readings)

    def read(self) -> Counts:
        return self._left.pop(0)


def test_the_work_since_a_reading_has_the_step_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 12.0)
    before, after = (Count(100.0, 1.0, 1.01),), (Count(300.0, 3.0, 3.03),)
    found = work_since(Readings("words", after), before, 10.0)
    assert found is not None and (found.unit, found.elapsed_s) == ("words", 2.0)
    assert (found.count, found.cpu_s) == pytest.approx((202, 2.02))
    # One that got no CPU did nothing, whatever it says itself.
    assert work_since(Readings("words", before), before, 10.0) == Work("words", 0, 2.0, 0)
    assert work_since(Readings(None, after), before, 10.0) is None


def test_each_task_of_a_mix_is_counted_in_its_own_unit() -> None:
    gauge = Readings(None, (Count(5.0, 1.0, 1.0), Count(9.0, 2.0, 2.0), Count(8.0, 1.0, 1.0)))
    gauge.parts = (Part("words", 2), Part("frames", 1))
    before = (Count(0.0, 0.0, 0.0), Count(1.0, 1.0, 1.0), Count(4.0, 0.5, 0.5))
    found = work_since(gauge, before, time.monotonic())
    assert found is not None
    assert [(work.unit, work.count, work.cpu_s) for work in found.parts] == [
        ("words", 13.0, 2.0),
        ("frames", 4.0, 0.5),
    ]
    gauge.parts = (Part("words", 2), Part(None, 1))
    assert work_since(gauge, before, time.monotonic()) is None, "of one of them only CPU time is known"


def test_what_is_counted_in_cpu_time_is_one_part_of_a_reading() -> None:
    parts = [Part("lines", 1, coarse=True), Part("words", 2)]
    assert slices(parts) == [slice(0, 1), slice(1, 3)]
    counts = (Count(0.0, 2.0, 2.5), Count(5.0, 1.0, 1.0), Count(6.0, 1.0, 1.0))
    assert by_cpu_time(counts, slices(parts)[0]) == (Count(2.5, 2.5, 2.5), *counts[1:])
    assert by_cpu_time(counts)[2] == Count(1.0, 1.0, 1.0)
