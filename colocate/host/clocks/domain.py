"""What every clock offers, whichever driver is behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

# A clock has arrived when it reads within this of what was asked: wider than the rounding of a PLL or of the
# kernel's kHz, narrower than the closest two steps known (1.3 %: 1958.4 and 1984 MHz of an Orin NX).
ARRIVED_RATIO = 0.005
# A devfreq governor follows new limits at its next poll (25 or 50 ms); a busy board may miss a few.
ARRIVAL_TIMEOUT_S = 1.0


class Domain(Protocol):
    """A clock that can be read, and pinned if it has steps."""

    @property
    def name(self) -> str:
        """`cpu`, `gpu` or `emc` (the memory)."""

    @property
    def steps_hz(self) -> tuple[int, ...]:
        """The frequencies in Hz that the clock can be pinned to, ascending; empty if it cannot be set."""

    @property
    def on_request(self) -> bool:
        """Whether the clock is set only if the user names values, never by default."""

    def read_hz(self) -> int | None:
        """Return the current frequency in Hz; None if it cannot be read."""

    def capture(self) -> dict[str, str]:
        """Return the current value of each knob (setting) that `pin` writes, by name. Raises HostError if this
        process may not write them.
        """

    def pin(self, hz: int, timeout_s: float = ARRIVAL_TIMEOUT_S) -> None:
        """Hold the clock at `hz`. Raises KnobError (path, wanted, found) if that is refused or clamped, or if the
        clock has not arrived after `timeout_s` seconds.
        """

    def release(self, captured: Mapping[str, str]) -> None:
        """Set the clock back to what `capture` found. Raises RestoreError if that fails."""
