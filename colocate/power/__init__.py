"""The meters of the machine it stands on: one file per kind of sensor, found at run time, never by board name."""

from __future__ import annotations

import enum
import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Quantity(enum.Enum):
    """What a meter reads: power at the moment, in watts, or energy since some moment, in joules."""

    POWER = "power"
    ENERGY = "energy counter"


class Meter(Protocol):
    """A sensor held open. A meter of energy has one rail, because each counter keeps its own time."""

    @property
    def rails(self) -> tuple[str, ...]:
        """The name of each value that `read` gives."""

    @property
    def quantity(self) -> Quantity:
        """What the values are."""

    @property
    def declared_period_s(self) -> float | None:
        """How often the sensor says that it refreshes; None where it does not say."""

    def read(self) -> Sequence[float]:
        """One value per rail, in watts or joules; NaN where the sensor gave none. Raises for no fault of a sensor."""

    def close(self) -> None:
        """Let the sensor go."""


@dataclass(frozen=True, slots=True)
class Lack:
    """A kind of sensor that cannot be read here: why, and what mends it."""

    sensor: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Meters:
    """What `find_meters` found: meters held open, and a lack for each kind that gives none."""

    meters: tuple[Meter, ...]
    lacks: tuple[Lack, ...]

    @property
    def rails(self) -> tuple[str, ...]:
        """Every rail, in the order of the meters."""
        return tuple(rail for meter in self.meters for rail in meter.rails)

    def close(self) -> None:
        """Let every sensor go."""
        for meter in self.meters:
            meter.close()


# Lazy: a package that drives a sensor is imported only when sensors are looked for.
SENSORS = {
    "ina3221": "colocate.power.ina3221:find",
    "ina238": "colocate.power.ina238:find",
    "jtop": "colocate.power.jtop:find",
    "nvml": "colocate.power.nvml:find",
    "rapl": "colocate.power.rapl:find",
}


def find_meters(root: Path = Path("/")) -> Meters:
    """Open every sensor that can be read below `root`; the caller closes them."""
    meters: list[Meter] = []
    lacks: list[Lack] = []
    for target in SENSORS.values():
        module, _, attribute = target.partition(":")
        find: Callable[[Path], Iterator[Meter | Lack]] = getattr(importlib.import_module(module), attribute)
        for found in find(root):
            if isinstance(found, Lack):
                lacks.append(found)
            else:
                meters.append(found)
    return Meters(tuple(meters), tuple(lacks))
