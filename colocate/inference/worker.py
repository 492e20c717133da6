"""The process that serves one loaded network: `python -m colocate.inference.worker JSON`.

It loads and warms the network once, then obeys the child contract for as many windows as its parent wants.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from array import array
from collections.abc import Callable, Mapping
from typing import Any

from colocate.errors import ColocateError
from colocate.inference import BACKENDS, Backend
from colocate.study.model import Inference
from cpu_workloads.contract import Control, serve

# The first inferences allocate, fault pages in and train branch predictors and caches.
FIRST_INFERENCES = 2
# A thread that sleeps wakes some 0.1 ms late, or later where its CPU had fallen into a deep sleep too. So it sleeps
# until this long before a frame is due and polls the clock for the rest, which takes well below a microsecond a turn.
AWAKE_NS = 500_000


def measure(backend: Backend, control: Control, period_s: float | None = None) -> Mapping[str, Any]:
    """Infer back to back until the parent speaks; begin and length of every inference that was completed.

    With a period an inference is due at each multiple of it from the beginning on: then it begins, or as soon as the
    one before is done, and none is left out. Its begin is when it was due, its length from then until it is done.

    Around one inference stand two clock reads, two appends, the check for a word and the question for the
    accelerator's own time: about 0.4 us.
    """
    clock, infer, device_s, pending = time.monotonic_ns, backend.infer, backend.device_s, control.pending
    begins_ns, latencies_ns, devices_s = array("q"), array("q"), array("d")
    cpu_ns = time.process_time_ns()
    period_ns = 0 if period_s is None else round(period_s * 1e9)
    begin_ns = end_ns = due_ns = clock()
    while not pending():
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
        if (on_device_s := device_s()) is not None:
            devices_s.append(on_device_s)
    return {
        "begin_ns": begin_ns,
        "end_ns": clock() if period_ns else end_ns,
        "begins_ns": begins_ns.tolist(),
        "latencies_ns": latencies_ns.tolist(),
        "devices_s": devices_s.tolist(),
        "cpu_s": (time.process_time_ns() - cpu_ns) / 1e9,
    }


def _awaited(due_ns: int, pending: Callable[[], bool]) -> bool:
    """Wait until `due_ns` on the monotonic clock; false where the parent spoke first."""
    while (left_ns := due_ns - time.monotonic_ns()) > 0:
        if left_ns > AWAKE_NS:
            time.sleep((left_ns - AWAKE_NS) / 1e9)
            if pending():
                return False
    return True


def main(request: str) -> None:
    """Load what `request` names and serve it: JSON with the fields of `Inference`, and of `Network` or null."""
    control = Control()
    fields = json.loads(request)
    network = None
    if fields["network"] is not None:
        from colocate.inference.networks import Network  # with numpy: not where no file is run

        network = Network.from_json(fields["network"])
    try:
        inference = Inference(**fields["inference"])
        backend = BACKENDS[inference.backend].load()(inference, network)
        for _ in range(FIRST_INFERENCES):
            began_s = time.monotonic()
            backend.infer()
            inference_s = time.monotonic() - began_s
    except ColocateError as error:
        sys.exit(str(error))
    # Nothing in the loop makes cycles. Without the collector no window holds one of its pauses.
    gc.collect()
    gc.freeze()
    gc.disable()
    ready = {"runtime": dict(backend.facts()), "inference_s": inference_s}
    try:
        serve(control, lambda control: measure(backend, control, inference.period_s), ready)
    except ColocateError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1])
