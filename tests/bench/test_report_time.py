"""What a report takes: from latencies to cells, and how evenly drawing is shared by two processes.

Ratios of CPU time, taken by turns in one run, so that they hold on any machine. Run with
`pytest -m bench -s tests/bench/test_report_time.py`: half a minute.
"""

from __future__ import annotations

import dataclasses
import resource
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from colocate.model.request import ClockPoint, SweepSpec, Task
from colocate.report.write import write_report
from colocate.study.evidence import collect
from tests.study.truth import NETWORK, record, trial

pytestmark = pytest.mark.bench

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
    """One draws the PNGs, and the other does everything else."""
    shutil.copy(RESULTS / "h200" / "run.sqlite", tmp_path)
    before = [resource.getrusage(who).ru_utime for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    write_report(tmp_path)
    after = [resource.getrusage(who).ru_utime for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    own_s, childrens_s = (end - begin for begin, end in zip(before, after, strict=True))
    print(f"\n{own_s:.2f} s of CPU here and {childrens_s:.2f} s beside it")
    assert childrens_s >= 0.25 * (own_s + childrens_s)
