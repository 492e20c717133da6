"""The measuring loop: infer until the parent sends a command, and note when each inference began and how long it
took.
"""

import time
from array import array
from collections.abc import Callable, Mapping
from typing import Any

from colocate.worker.backend import Backend
from colocate.worker.older import monotonic_ns, process_time_ns
from cpu_workloads.contract import Control

# A thread that sleeps wakes some 0.1 ms late, or later where its CPU had fallen into a deep sleep too. So it sleeps
# until this long before a frame is due and polls the clock for the rest, which takes well below a microsecond a turn.
AWAKE_NS = 500_000


def measure(backend: Backend, control: Control, period_s: "float | None" = None) -> "Mapping[str, Any]":
    """Infer back to back until the parent sends a command. Return the begin and the length of every completed
    inference.

    With a period an inference is due at each multiple of it. The inference starts when it is due, or as soon as the
    previous one is done; none is skipped. Its begin is the time when it was due; its length runs from there to its
    end.

    The first inference is always made. After a warm-up whose last inference outlasted the whole window, the next
    command is already there, and a window without an inference would say nothing.

    Overhead per inference: two clock reads, two appends, one command check, one device-time query, about 0.4 us.
    """
    clock, infer, device_s, pending = monotonic_ns, backend.infer, backend.device_s, control.pending
    begins_ns, latencies_ns, devices_s = array("q"), array("q"), array("d")
    cpu_ns = process_time_ns()
    period_ns = 0 if period_s is None else round(period_s * 1e9)
    begin_ns = end_ns = due_ns = clock()
    while not (begins_ns and pending()):
        if period_ns:
            if not _awaited(due_ns, pending):
                break
            before_ns = due_ns
            due_ns += period_ns
        else:
            before_ns = clock()
        infer()
        end_ns = clock()
        begins_ns.append(before_ns)
        latencies_ns.append(end_ns - before_ns)
        on_device_s = device_s()
        if on_device_s is not None:
            devices_s.append(on_device_s)
    return {
        "begin_ns": begin_ns,
        "end_ns": clock() if period_ns else end_ns,
        "begins_ns": begins_ns.tolist(),
        "latencies_ns": latencies_ns.tolist(),
        "devices_s": devices_s.tolist(),
        "cpu_s": (process_time_ns() - cpu_ns) / 1e9,
    }


def _awaited(due_ns: int, pending: "Callable[[], bool]") -> bool:
    """Wait until `due_ns` on the monotonic clock. Return false if the parent sends a command before that."""
    left_ns = due_ns - monotonic_ns()
    while left_ns > 0:
        if left_ns > AWAKE_NS:
            time.sleep((left_ns - AWAKE_NS) / 1e9)
            if pending():
                return False
        left_ns = due_ns - monotonic_ns()
    return True
