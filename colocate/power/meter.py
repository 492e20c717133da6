"""What every meter offers, whatever sensor is behind it."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Protocol


class MeterKind(enum.Enum):
    """What a meter reads: power at the moment, in watts, or energy since some moment, in joules."""

    POWER = "power"
    ENERGY = "energy counter"


class Meter(Protocol):
    """A sensor held open. A meter of energy has one rail, because each counter keeps its own time."""

    @property
    def rails(self) -> tuple[str, ...]:
        """The name of each value that `read` gives."""

    @property
    def kind(self) -> MeterKind:
        """What the values are."""

    @property
    def declared_period_s(self) -> float | None:
        """How often the sensor says that it refreshes; None where it does not say."""

    def read(self) -> Sequence[float]:
        """One value per rail, in watts or joules; NaN where the sensor gave none. Raises for no fault of a sensor."""

    def close(self) -> None:
        """Let the sensor go."""
