"""One window on the local machine: long enough for the network, its children stopped together."""

from __future__ import annotations

import sys
from pathlib import Path

from colocate.host.cpus.cpuset import Seat
from colocate.host.processes.child import Child
from colocate.rigs.host.rig import HostRig
from colocate.rigs.host.window import stopped
from tests.rigs.host.trials import SHARED, trial

# Told to stop, it reports only once all three of them have been told; alone it gives up after a while.
WAITING = """
import sys, time
from pathlib import Path
from cpu_workloads.contract import Control, serve
folder, number = Path(sys.argv[1]), sys.argv[2]
def measure(control):
    while not control.pending():
        time.sleep(0.001)
    (folder / number).touch()
    end_s = time.monotonic() + 20
    while len(list(folder.iterdir())) < 3 and time.monotonic() < end_s:
        time.sleep(0.01)
    return {"together": len(list(folder.iterdir())) == 3}
serve(Control(), measure, {})
"""


def test_a_window_grows_until_a_slow_network_fits() -> None:
    rig, slow = HostRig(), trial("spin-300ms", window_s=0.01)
    with rig.opened([slow]):
        record = rig.run(slow)
    assert record.latencies_s.size >= 1 and record.elapsed_s >= 0.3


def test_children_that_are_stopped_together_end_together(tmp_path: Path) -> None:
    """However long each takes over its report: a task that went on would count work that nothing disturbed."""
    seat = Seat(SHARED.task_cpus)
    command = [sys.executable, "-c", WAITING, str(tmp_path)]
    children = [Child(f"waiting {number}", [*command, str(number)], seat) for number in range(3)]
    try:
        for child in children:
            child.ready(30)
            child.go()
        assert [report["together"] for report in stopped(children)] == [True] * 3
    finally:
        for child in children:
            child.close()
