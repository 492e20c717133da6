from __future__ import annotations

import os
import time
from pathlib import Path

from colocate.host.cpus.activity import Activity, cpu_seconds

# CPU 1 and 2 are offline.
STAT = """cpu  600 0 0 0 0 0 0 60 0 0
cpu0 100 1 2 5000 9 3 4 10 7 7
cpu3 500 0 0 4000 0 0 0 50 0 0
intr 1 2 3
"""


def test_cpus_are_told_by_their_names_where_some_are_offline(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text(STAT)
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    assert cpu_seconds((0,), stat) == (110 * tick_s, 10 * tick_s)
    assert cpu_seconds((3,), stat) == (500 * tick_s, 50 * tick_s)
    assert cpu_seconds((1,), stat) == (0, 0)


def test_what_others_do_is_seen() -> None:
    activity = Activity(tuple(os.sched_getaffinity(0)), [])
    end_s = time.monotonic() + 0.3
    while time.monotonic() < end_s:
        pass
    assert activity.disturbance().others_ratio > 0.5 / os.cpu_count()  # type: ignore[operator]  # known on Linux
