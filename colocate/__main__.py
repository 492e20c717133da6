"""The entry point of `python -m colocate` and of the console script `colocate`."""

from __future__ import annotations

import gc
import signal
import sys

# Until the command line takes over, a Ctrl-C ends the process as it ends any other: without a traceback.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from colocate.blas import use_one_thread
from colocate.cli import end_at_once, run

# A run has hundreds of thousands of objects that stay to the end. With Python's own threshold, garbage collection
# looks through them so often that it takes a twentieth of a report's time.
_YOUNG_OBJECTS = 100_000
# An exit code of 128 + N says that signal N ended the command.
_BY_SIGNAL = 128


def main() -> None:
    """Run the command line and end with its exit code."""
    use_one_thread()
    gc.set_threshold(_YOUNG_OBJECTS)
    code = run(sys.argv[1:])
    if code > _BY_SIGNAL:
        end_at_once(code)
    sys.exit(code)


if __name__ == "__main__":
    main()
