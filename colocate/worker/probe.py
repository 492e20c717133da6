"""Try one runtime on this machine: `python -m colocate.worker.probe JSON`.

This is a separate process, because a driver may hang or crash, and because a CUDA context keeps memory until its
process ends. It writes what the runtime found as one JSON object; a failure is one line on stderr.
"""

import sys

from colocate.worker.answer import answer
from colocate.worker.backend import load
from colocate.worker.request import Request, from_json


def probe(request: Request) -> object:
    """Run the network once. Return the backend's facts, or the result of its own method `probe`. Raises
    WorkerError.
    """
    backend = load(request)
    backend.infer()
    measured = getattr(backend, "probe", None)
    return dict(backend.facts()) if measured is None else measured()


if __name__ == "__main__":
    answer(lambda: probe(from_json(sys.argv[1])))
