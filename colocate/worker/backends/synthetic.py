"""A substitute for a network: it spins for a stated time for each image of the batch.

For tests, demos and overhead figures. It imports nothing heavy, so that a worker starts in tens of milliseconds.
"""

import re
import time

from colocate.worker.backend import Facts
from colocate.worker.errors import WorkerError
from colocate.worker.request import Request

_NAME = re.compile(r"spin-(\d+(?:\.\d+)?)(us|ms)")
_UNIT_S = {"us": 1e-6, "ms": 1e-3}


def spin_length_s(network: str) -> float:
    """The time in a network's name, in seconds: `spin-2ms` gives 0.002. Raises WorkerError for a name of another
    form.
    """
    match = _NAME.fullmatch(network)
    if match is None:
        raise WorkerError(f"the synthetic backend runs networks named like spin-2ms or spin-500us, not '{network}'")
    return float(match[1]) * _UNIT_S[match[2]]


class Synthetic:
    """A busy wait on the monotonic clock."""

    def __init__(self, request: Request) -> None:
        self._length_s = request.batch * spin_length_s(request.network)

    def infer(self) -> None:
        """Spin until the stated time is over."""
        end_s = time.monotonic() + self._length_s
        while time.monotonic() < end_s:
            pass

    def device_s(self) -> None:
        """See `Backend.device_s`: None, as there is no accelerator."""

    def facts(self) -> Facts:
        """The length of the spin, in seconds."""
        return {"spin_s": self._length_s}
