"""What every clock offers, whoever drives it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

# A clock has arrived when it reads within this of what was asked: wider than the rounding of a PLL or of the
# kernel's kHz, narrower than the closest two steps known (1.3 %: 1958.4 and 1984 MHz of an Orin NX).
ARRIVED_RATIO = 0.005
# A devfreq governor follows new limits at its next poll (25 or 50 ms); a busy board may miss a few.
ARRIVAL_TIMEOUT_S = 1.0


class Domain(Protocol):
    """A clock that can be read, and pinned where it has steps."""

    @property
    def name(self) -> str:
        """`cpu`, `gpu` or `emc`."""

    @property
    def steps_hz(self) -> tuple[int, ...]:
        """The frequencies it can be pinned to, rising; empty where it cannot be chosen."""

    @property
    def on_request(self) -> bool:
        """Whether it is touched only when the user names values, never by default."""

    def read_hz(self) -> int | None:
        """What it runs at now, or None."""

    def capture(self) -> dict[str, str]:
        """The values of all knobs that `pin` writes, as they are now. Raises HostError when this process could not
        write them.
        """

    def pin(self, hz: int, timeout_s: float = ARRIVAL_TIMEOUT_S) -> None:
        """Hold the clock at `hz`. Raises KnobError (path, wanted, found) when refused, clamped or not arriving."""

    def release(self, captured: Mapping[str, str]) -> None:
        """Set the clock back to what `capture` found. Raises RestoreError."""
