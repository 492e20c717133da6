"""Holding a task that cannot stand still because it cannot run."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from colocate.host.processes.pausing import Pause
from colocate.rigs.host.gauge import Counts, Gauge, cpu_between_s

# A task that uses no more than this share of a while disturbs as little as one that stands still.
RESTING_RATIO = 0.002
# How long that is looked at.
_LOOK_S = 0.005


@dataclass(slots=True)
class Resting:
    """A pause for which it is enough that the task gets no CPU.

    One that is idle, of a tiny weight or out of its quota stands still only once it has run again, which may take a
    second beside a network that polls. Until then it disturbs nobody, and all that it would do is to stop.
    """

    pause: Pause
    gauge: Gauge
    _since: tuple[float, Counts] | None = field(default=None, init=False)

    def ask(self) -> None:
        """See `Pause.ask`."""
        self.pause.ask()
        self._look()

    def is_still(self) -> bool:
        """See `Pause.is_still`."""
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
