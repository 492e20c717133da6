"""A network as a task beside another: it infers back to back, and its inferences are its work."""

import time
from collections.abc import Mapping
from typing import Any, NoReturn

from colocate.worker.backend import Backend
from colocate.worker.older import monotonic_ns
from cpu_workloads.contract import Control, serve
from cpu_workloads.counter import Counter

UNIT = "inferences"


def serve_as_task(backend: Backend, control: Control, facts: "Mapping[str, Any]") -> NoReturn:
    """Obey the child contract until the process ends, as a stressor does. `facts` are sent when the worker is
    ready.
    """
    counter = Counter()

    def window(control: Control) -> "Mapping[str, Any]":
        count, cpu_s = 0, time.process_time()
        begin_ns = end_ns = monotonic_ns()
        while not (count and control.pending()):
            backend.infer()
            end_ns, count = monotonic_ns(), count + 1
            counter.add(1.0, time.process_time())
        used_s = time.process_time() - cpu_s
        return {"unit": UNIT, "count": float(count), "begin_ns": begin_ns, "end_ns": end_ns, "cpu_s": used_s}

    serve(control, window, {**facts, "unit": UNIT, "counter": counter.descriptor})
