"""What a report takes: from latencies to cells, its text in PNGs, and how evenly processes share the work of it, and
of a sweep of the model.

Ratios of CPU time, taken by turns in one run, so that they hold on any machine. Run with
`pytest -m bench -s tests/bench/test_report_time.py`: half a minute.
"""

from __future__ import annotations

import dataclasses
import functools
import io
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from colocate.model.request import ClockPoint, SweepSpec, Task
from colocate.report.drawing.paper import Sheet
from colocate.report.write import write_report
from colocate.study.conditions import alternating_pair
from colocate.study.evidence import collect, slowdowns
from tests.study.alternating import Alternating
from tests.study.truth import NETWORK, SPEC, record, trial

pytestmark = pytest.mark.bench

OWN_AND_ALL = """
import atexit, resource, sys

def say():
    own, children = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    own_s = own.ru_utime + own.ru_stime
    print(own_s, own_s + children.ru_utime + children.ru_stime, file=sys.stderr)

atexit.register(say)
from colocate.__main__ import main
main()
"""
RESULTS = Path(__file__).parents[2] / "results"
WINDOW, REPEATS, CLOCKS, TASKS, PARTS = 10_000, 10, 5, tuple(map(Task, ("a", "b", "c"))), 5


def test_ten_million_latencies_become_cells_in_the_time_of_few_transforms() -> None:
    """Of each window: three percentiles, and how long it remembers. With a transform per question it was 50."""
    random, collecting_s, transforming_s, count = np.random.default_rng(1), 0.0, 0.0, 0
    for part in range(PARTS):
        records = []
        for repeat in range(REPEATS):
            for number in range(CLOCKS):
                for task in (None, *TASKS):
                    clocks = ClockPoint(int(1e8) * (1 + part * CLOCKS + number), None)
                    asked = dataclasses.replace(trial(CLOCKS * repeat + number, task, clocks=clocks), repeat=repeat)
                    records.append(record(asked, random.lognormal(-5.0, 0.02, WINDOW)))
        count += WINDOW * len(records)
        begin_s = time.process_time()
        collect(records, SweepSpec((NETWORK,), TASKS))
        collecting_s += time.process_time() - begin_s
        begin_s = time.process_time()
        for each in records:
            np.fft.rfft(each.latencies_s, 1 << 15)
        transforming_s += time.process_time() - begin_s
    ratio = collecting_s / transforming_s
    print(f"\n{count:.0e} latencies: {collecting_s:.2f} s of CPU, {ratio:.1f} times a Fourier transform of each")
    assert count == PARTS * REPEATS * CLOCKS * (1 + len(TASKS)) * WINDOW == 10_000_000
    assert ratio <= 15


def test_two_processes_share_a_report(tmp_path: Path) -> None:
    """Both draw figures, and one does everything else."""
    shutil.copy(RESULTS / "h200" / "run.sqlite", tmp_path)
    before = [resource.getrusage(who).ru_utime for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    write_report(tmp_path)
    after = [resource.getrusage(who).ru_utime for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    own_s, childrens_s = (end - begin for begin, end in zip(before, after, strict=True))
    print(f"\n{own_s:.2f} s of CPU here and {childrens_s:.2f} s beside it")
    assert childrens_s >= 0.25 * (own_s + childrens_s)


def test_two_processes_share_a_sweep_of_the_model(tmp_path: Path) -> None:
    """One runs ahead, draws, and works out evidence; one stores, prints, and draws as well."""
    command = [sys.executable, "-c", OWN_AND_ALL, "sweep", "--rig", "tx1-model", "--quiet", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    own_s, all_s = map(float, done.stderr.split())
    print(f"\n{own_s:.2f} s of CPU in the main process of {all_s:.2f} s in all")
    assert own_s <= 0.65 * all_s


def test_a_sweep_asks_how_narrow_its_intervals_are_in_half_of_the_time_of_a_report() -> None:
    records = [*Alternating(solo_s=0.002, window_s=60.0).study(np.random.default_rng(1), repeats=10, steady=2)]
    spec, taken_s = dataclasses.replace(SPEC, alternating=True), dict.fromkeys((slowdowns, collect), 0.0)
    for _ in range(10):
        for work in (slowdowns, collect):
            begin_s = time.process_time()
            work(records, spec)
            taken_s[work] += time.process_time() - begin_s
    pair_of = functools.cache(alternating_pair)
    slowdowns(records, spec, pair_of)
    begin_s = time.process_time()
    for _ in range(10):
        slowdowns(records, spec, pair_of)
    remembering_s = time.process_time() - begin_s
    print(
        f"\n{taken_s[slowdowns]:.2f} s of CPU for slowdowns, {remembering_s:.2f} s where windows are "
        f"remembered, {taken_s[collect]:.2f} s for all"
    )
    assert taken_s[slowdowns] <= taken_s[collect] / 2
    assert remembering_s <= taken_s[slowdowns] / 2


def test_a_pngs_text_takes_half_of_the_time_of_the_librarys() -> None:
    words = [f"alexnet batch {number}, caffe fp32: conv{number % 7}" for number in range(500)]
    ours, theirs = Sheet(10.0, 10.0), Sheet(10.0, 10.0)
    for number, each in enumerate(words):
        ours.text(1.0, number / 50, each, 7.5)
        theirs.figure.text(0.1, 1 - number / 500, each, size=7.5)
    taken_s = {}
    for name, sheet in (("ours", ours), ("theirs", theirs)):
        begin_s = time.process_time()
        sheet.figure.savefig(io.BytesIO(), format="png", dpi=144)
        taken_s[name] = time.process_time() - begin_s
    print(f"\n{taken_s['ours']:.2f} s of CPU for 500 lines, {taken_s['theirs']:.2f} s one letter at a time")
    assert taken_s["ours"] <= taken_s["theirs"] / 2
