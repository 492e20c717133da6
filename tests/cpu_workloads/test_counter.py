from __future__ import annotations

import os
import time

from cpu_workloads.counter import Counter, CounterView
from tests.cpu_workloads.conversation import child, eventually


def test_who_maps_it_sees_what_was_done_so_far() -> None:
    counter = Counter()
    view = CounterView(os.getpid(), counter.descriptor)
    assert view.read() == (0, 0)
    for steps in range(1, 6):
        counter.add(10, steps / 8)
        assert view.read() == (10 * steps, steps / 8)
    view.close()
    os.close(counter.descriptor)


def test_a_count_that_is_being_written_is_not_seen() -> None:
    counter = Counter()
    view = CounterView(os.getpid(), counter.descriptor)
    counter.add(10, 0.5)
    # The next count goes elsewhere, and the first number names it last.
    for place in {1, 3} - {3 if counter._counts % 2 else 1}:
        counter._values[place] = 99.0
    assert view.read() == (10, 0.5)
    view.close()
    os.close(counter.descriptor)


def test_a_stressor_counts_its_steps_from_window_to_window() -> None:
    with child("bitcount", "--child") as stressor:
        view = CounterView(stressor.process.pid, stressor.hear()["ready"]["counter"])
        total = 0.0
        for _ in range(2):
            stressor.say("go")
            assert eventually(lambda before=total: view.read()[0] > before)  # type: ignore[misc]  # of the default
            time.sleep(0.02)
            stressor.say("stop")
            report = stressor.hear()
            # The step under way at `stop` is done, and is not reported.
            assert report["count"] <= view.read()[0] - total <= report["count"] + 40_000
            total, cpu_s = view.read()
            assert cpu_s > 0
        view.close()
