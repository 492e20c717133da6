"""Try one runtime on this machine: `python -m colocate.inference.probe NAME`.

In a process of its own, because a driver may hang or crash, and keeps the memory of a CUDA context until the end.
Writes what the runtime's own `probe` found as one JSON object; a failure is one line on stderr.
"""

from __future__ import annotations

import importlib
import json
import os
import sys

from colocate.errors import ColocateError
from colocate.inference import BACKENDS


def main(name: str) -> None:
    """Run the `probe` of the runtime's module."""
    # Standard output is for the answer alone, whatever a library prints to it.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    module, _, _ = BACKENDS[name].target.partition(":")
    try:
        found = importlib.import_module(module).probe()
    except ColocateError as error:
        sys.exit(str(error))
    out.write(json.dumps(found))
    out.close()


if __name__ == "__main__":
    main(sys.argv[1])
