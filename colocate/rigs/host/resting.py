"""A task that gets no CPU time counts as paused, even if it has not stopped yet."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from colocate.host.processes.pausing import Pause
from colocate.rigs.host.gauge import Counts, Gauge, cpu_between_s

# A task that uses at most this share of CPU time disturbs as little as one that has stopped.
RESTING_RATIO = 0.002
# How long the CPU time is watched for that, in seconds.
_LOOK_S = 0.005


@dataclass(slots=True)
class Resting:
    """A pause for which it is enough that the task gets no CPU time.

    A task that is idle-class, has a tiny weight or has used up its quota stops only when it runs again. That may take
    a second beside a network that polls the GPU. Until then the task disturbs nobody, and once it runs it stops at
    once.
    """

    pause: Pause
    gauge: Gauge
    _since: tuple[float, Counts] | None = field(default=None, init=False)

    def ask(self) -> None:
        """See `Pause.ask`."""
        self.pause.ask()
        self._look()

    def is_still(self) -> bool:
        """See `Pause.is_still`. This is also true if the task used almost no CPU time for 5 ms (`RESTING_RATIO`)."""
        if self._since is None or self.pause.is_still():
            return True
        since_s, before = self._since
        looked_s = time.monotonic() - since_s
        if looked_s < _LOOK_S:
            return False
        self._look()
        return cpu_between_s(before, self._since[1]) <= RESTING_RATIO * looked_s

    def resume(self) -> None:
        """See `Pause.resume`."""
        self.pause.resume()

    def _look(self) -> None:
        self._since = time.monotonic(), self.gauge.read()
