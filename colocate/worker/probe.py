"""Try one runtime on this machine: `python -m colocate.worker.probe JSON`.

In a process of its own, because a driver may hang or crash, and keeps the memory of a CUDA context until the end.
Writes what the runtime found as one JSON object; a failure is one line on stderr.
"""

import sys

from colocate.worker.answer import answer
from colocate.worker.backend import load
from colocate.worker.request import Request, from_json


def probe(request: Request) -> object:
    """Run the network once: the facts of the runtime, or what its own method `probe` measures. Raises WorkerError."""
    backend = load(request)
    backend.infer()
    measured = getattr(backend, "probe", None)
    return dict(backend.facts()) if measured is None else measured()


if __name__ == "__main__":
    answer(lambda: probe(from_json(sys.argv[1])))
