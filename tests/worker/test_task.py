"""A network as a task, spoken to as a rig speaks to it."""

from __future__ import annotations

import contextlib

from cpu_workloads.counter import CounterView
from tests.cpu_workloads.conversation import eventually
from tests.worker.test_main import PATIENCE_S, SPIN, worker


def test_inferences_are_counted_while_they_are_made_and_reported() -> None:
    with worker(SPIN._replace(counted=True)) as child:
        facts = child.ready(PATIENCE_S)
        assert facts["unit"] == "inferences" and facts["runtime"]["spin_s"] == 0.001
        with contextlib.closing(CounterView(child.pid, facts["counter"])) as counter:
            child.go()
            assert eventually(lambda: counter.read()[0] >= 3)
            report = child.stop(PATIENCE_S)
            count, cpu_s = counter.read()
        assert report["unit"] == "inferences"
        assert report["count"] == count >= 3 and cpu_s > 0
        assert report["end_ns"] - report["begin_ns"] >= 0.001e9 * count
        child.go()
        assert child.stop(PATIENCE_S)["count"] >= 1, "each window counts from zero"
