"""The process that serves one loaded network: `python -m colocate.worker JSON`.

It loads and warms the network once, then obeys the child contract (`cpu_workloads.contract`) for as many windows as
its parent wants.
"""

import gc
import sys
import time
from collections.abc import Mapping
from typing import Any, cast

from colocate.worker.backend import Profiler, load
from colocate.worker.errors import WorkerError, leave, refused
from colocate.worker.loop import measure
from colocate.worker.older import freeze
from colocate.worker.request import Request, from_json
from colocate.worker.task import serve_as_task
from cpu_workloads.contract import Control, serve

# The first inferences allocate, fault pages in and train branch predictors and caches.
FIRST_INFERENCES = 2
# How long the profile after a window takes, in as many inferences as a mean needs and no more than a trace can hold.
PROFILE_S, PROFILED_MIN, PROFILED_MAX = 1.0, 16, 200


def serve_request(request: Request, control: Control) -> None:
    """Load the network and serve windows until the process ends. Raises WorkerError if the runtime refuses."""
    backend = load(request)
    for _ in range(FIRST_INFERENCES):
        began_s = time.monotonic()
        try:
            backend.infer()
        except WorkerError:
            raise
        except Exception as error:  # of the runtime's own kinds
            raise refused(f"{request.network} cannot run", request.fed, error) from error
        inference_s = time.monotonic() - began_s
    # Nothing in the loop makes cycles. Without the collector no window holds one of its pauses.
    gc.collect()
    freeze()
    gc.disable()
    profiled = round(min(max(PROFILE_S / inference_s, PROFILED_MIN), PROFILED_MAX)) if request.profiled else 0

    def window(control: Control) -> "Mapping[str, Any]":
        report = dict(measure(backend, control, request.period_s))
        if profiled and control.peek() == "stop":
            # Only now: a profiled inference is slower, and the window is for those that are not.
            report["profile"] = [step._asdict() for step in cast(Profiler, backend).profile(profiled)]
        return report

    runtime = {"python": "{}.{}.{}".format(*sys.version_info), **backend.facts()}
    # The listening thread: if the launching thread gets a priority, this one needs a higher one.
    facts = {"runtime": runtime, "inference_s": inference_s, "listener": control.listener}
    if request.counted:
        serve_as_task(backend, control, facts)
    serve(control, window, facts)


def main(text: str) -> None:
    """Serve the request in `text`, which is JSON; a failure is one line on stderr."""
    control = Control()
    try:
        serve_request(from_json(text), control)
    except WorkerError as error:
        # Threads of a runtime or of the user's own may run on, and Python would wait for them.
        leave(str(error))


if __name__ == "__main__":
    main(sys.argv[1])
