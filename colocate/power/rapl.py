"""The energy counters of CPU packages (RAPL), Intel's and AMD's, which the kernel shows under powercap.

Source: Documentation/power/powercap/powercap.rst of the kernel. Since 5.10 only root may read them, because fine
power readings can reveal secrets (CVE-2020-8694).
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from pathlib import Path

from colocate.model.machine import Missing
from colocate.power.files import open_number, read_number, text
from colocate.power.meter import Meter, MeterKind

_UJ = 1e-6
# The files of a package that are read.
_RANGE, _ENERGY = "max_energy_range_uj", "energy_uj"
_ABSENT = "virtual machines rarely show them; on the machine itself: sudo modprobe intel_rapl_msr"


def find(root: Path) -> Iterator[Meter | Missing]:
    """Yield a meter per CPU package, or a Missing with the reason."""
    zones = sorted(root.glob("sys/class/powercap/intel-rapl:*"))
    # Their subzones (core, uncore, dram) are parts of a package or beside it, and psys is more than the CPU.
    packages = [zone for zone in zones if text(zone / "name").startswith("package-")]
    for zone in packages:
        try:
            yield RaplPackage(zone)
        except (OSError, ValueError) as error:
            yield Missing(str(error), _fix(zone))
    if not packages:
        yield Missing("the kernel shows no energy counters of the CPU", _ABSENT)


def _fix(zone: Path) -> str:
    closed = [str(zone / name) for name in (_RANGE, _ENERGY) if not os.access(zone / name, os.R_OK)]
    return f"run as root, or: sudo chmod a+r {' '.join(closed)}" if closed else "no fix is known"


class RaplPackage:
    """The energy counter of one package, with its wrap-arounds undone.

    Raises OSError if it cannot be read, ValueError if it shows no number.
    """

    kind = MeterKind.ENERGY
    declared_period_s = None

    def __init__(self, zone: Path) -> None:
        self.rails = (f"rapl:{text(zone / 'name')}",)
        # The counter takes every value up to this one and then begins again at zero.
        self._values = int((zone / _RANGE).read_text()) + 1
        self._last_uj = int((zone / _ENERGY).read_text())
        self._total_uj = 0
        with contextlib.ExitStack() as stack:
            self._file = open_number(zone / _ENERGY, stack)
            self._open = stack.pop_all()

    def read(self) -> tuple[float]:
        """Return the energy in J since the meter was opened. Read it before the counter wraps around, in about an
        hour.
        """
        shown = read_number(self._file)
        if math.isnan(shown):
            return (math.nan,)
        self._total_uj += (int(shown) - self._last_uj) % self._values
        self._last_uj = int(shown)
        return (self._total_uj * _UJ,)

    def close(self) -> None:
        """See `Meter.close`."""
        self._open.close()
