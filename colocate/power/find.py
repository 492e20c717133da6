"""Find the meters of the local machine at run time, never by board name. Each kind of sensor has its own file."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from colocate.model.machine import Missing
from colocate.power.meter import Meter

# Lazy: a package that drives a sensor is imported only when sensors are looked for. `find` gives a meter for each
# sensor that it can open, and a Missing for each that it cannot, or where there is none.
SENSORS = {
    "ina3221": "colocate.power.ina3221:find",
    "ina238": "colocate.power.ina238:find",
    "jtop": "colocate.power.jtop:find",
    "nvml": "colocate.power.nvml:find",
    "rapl": "colocate.power.rapl:find",
}


# The name of the rail of a GPU's own meter, before the GPU's number.
_GPU = "nvml:gpu"


@dataclass(frozen=True, slots=True)
class Meters:
    """What `find_meters` found: open meters, and by the sensor's name, why others cannot be read."""

    meters: tuple[Meter, ...]
    missing: tuple[tuple[str, Missing], ...]

    @property
    def rails(self) -> tuple[str, ...]:
        """The names of all rails, in the order of the meters."""
        return tuple(rail for meter in self.meters for rail in meter.rails)

    def of_gpu(self, number: int | None) -> Meters:
        """Return the meters without those of GPUs with another number, and close these; None keeps all."""
        others = [
            meter
            for meter in self.meters
            if number is not None and meter.rails[0].startswith(_GPU) and meter.rails != (f"{_GPU}{number}",)
        ]
        for meter in others:
            meter.close()
        return Meters(tuple(meter for meter in self.meters if meter not in others), self.missing)

    def close(self) -> None:
        """Release every sensor."""
        for meter in self.meters:
            meter.close()


def find_meters(root: Path = Path("/")) -> Meters:
    """Open every sensor that can be read below `root`. The caller closes them."""
    meters: list[Meter] = []
    missing: list[tuple[str, Missing]] = []
    for sensor, target in SENSORS.items():
        module, _, attribute = target.partition(":")
        find: Callable[[Path], Iterator[Meter | Missing]] = getattr(importlib.import_module(module), attribute)
        for found in find(root):
            if isinstance(found, Missing):
                missing.append((sensor, found))
            else:
                meters.append(found)
    return Meters(tuple(meters), tuple(missing))
