"""Keep standard output for one answer, whatever libraries print to it meanwhile."""

import json
import os
import sys
from collections.abc import Callable

from colocate.worker.errors import WorkerError


def answer(work: "Callable[[], object]") -> None:
    """Write the result of `work` as one JSON value. A WorkerError becomes one line on stderr and exit status 1."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        found = work()
    except WorkerError as error:
        sys.exit(str(error))
    out.write(json.dumps(found))
    out.close()
