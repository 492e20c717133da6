"""The process of a rank from 1 on, which does what rank 0 says: `python -m colocate.training.rank JSON RANK PORT`."""

from __future__ import annotations

import os
import signal
import sys

from colocate.parent import end_with_parent
from colocate.training.environment import prepare
from colocate.worker.errors import WorkerError, leave
from colocate.worker.request import from_json


def main(text: str, rank: str, port: str) -> None:
    """Call the method of `Trainer` that each line of stdin names, until rank 0 is gone."""
    parent = os.getppid()
    end_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("rank 0 ended before this one began")
    prepare()
    # Only now: what torch loads looks at the environment.
    from colocate.training.meeting import joined
    from colocate.training.trainer import Trainer, one_line

    try:
        request = from_json(text)
        trainer = Trainer(request, int(rank), joined(request, int(port)))
        for line in sys.stdin:
            getattr(trainer, line.strip())()
    except WorkerError as error:
        leave(str(error))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - of torch and of the user's own kinds; it is said by rank 0
        leave(one_line(error))
    # Rank 0 is gone; what torch would clean up waits for it.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
