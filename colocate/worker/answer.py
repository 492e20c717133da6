"""Standard output for one answer alone, whatever a library prints to it meanwhile."""

import json
import os
import sys
from collections.abc import Callable

from colocate.worker.errors import WorkerError


def answer(work: "Callable[[], object]") -> None:
    """Write what `work` returns as one JSON value; a WorkerError becomes one line on stderr and exit status 1."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        found = work()
    except WorkerError as error:
        sys.exit(str(error))
    out.write(json.dumps(found))
    out.close()
