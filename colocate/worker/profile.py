"""The steps that a runtime makes of one network: `python -m colocate.worker.profile JSON`.

This is a separate process, because a runtime keeps memory and, on a GPU, a context until its process ends. Only the
names of the steps matter here. The times that count are measured by a worker, under the clocks and on the CPUs of its
window.
"""

import sys
from typing import cast

from colocate.worker.answer import answer
from colocate.worker.backend import Profiler, load
from colocate.worker.request import from_json

_INFERENCES = 2


def steps(text: str) -> "list[dict[str, object]]":
    """Return each step as a dictionary of its fields. Raises WorkerError."""
    backend = cast(Profiler, load(from_json(text)))
    return [step._asdict() for step in backend.profile(_INFERENCES)]


if __name__ == "__main__":
    answer(lambda: steps(sys.argv[1]))
