"""The INA238 power monitor at the supply input of a Jetson AGX Thor. Source: the kernel's
Documentation/hwmon/ina238.rst.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from colocate.model.machine import Missing
from colocate.power.files import PowerFiles, text, update_interval_s
from colocate.power.meter import Meter

_UW = 1e-6
# The driver has no name for the chip's one channel. On the only known board with the chip, this channel is VIN.
_UNNAMED = "VIN"


def find(root: Path) -> Iterator[Meter | Missing]:
    """Yield a meter per chip, or a Missing with the reason."""
    found = [folder for folder in sorted(root.glob("sys/class/hwmon/hwmon*")) if text(folder / "name") == "ina238"]
    for folder in found:
        name = text(folder / "in1_label") or text(folder / "label") or _UNNAMED
        try:
            yield PowerFiles({name: (folder / "power1_input",)}, _UW, update_interval_s(folder))
        except OSError as error:
            yield Missing(str(error), "run as root, or let others read it: chmod a+r on that file")
    if not found:
        fix = "only a Jetson AGX Thor has one; there, load its driver: sudo modprobe ina238"
        yield Missing("no INA238 power monitor in sysfs", fix)
