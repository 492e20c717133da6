"""The interface of every meter, whatever its sensor."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Protocol


class MeterKind(enum.Enum):
    """What a meter reads: the present power in W, or the energy in J since some moment."""

    POWER = "power"
    ENERGY = "energy counter"


class Meter(Protocol):
    """An open sensor. An energy meter has exactly one rail, because each energy counter steps at its own times."""

    @property
    def rails(self) -> tuple[str, ...]:
        """The names of the values that `read` returns."""

    @property
    def kind(self) -> MeterKind:
        """Whether the values are power or energy."""

    @property
    def declared_period_s(self) -> float | None:
        """The refresh period in s that the sensor declares; None if it declares none."""

    def read(self) -> Sequence[float]:
        """Return one value per rail, in W or J; NaN if the sensor gave none. A faulty sensor raises no error."""

    def close(self) -> None:
        """Release the sensor."""
