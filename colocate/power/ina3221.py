"""The INA3221 power monitors of Jetson boards, through hwmon on kernels from 5.10 on, and two iio layouts on older
ones.

Every rail keeps the name that the device tree gives it. Sources: Documentation/hwmon/ina3221.rst of the kernel; the
ina3221x driver of L4T's 4.9 kernel.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from colocate.model.machine import Missing
from colocate.power.files import PowerFiles, text, update_interval_s
from colocate.power.meter import Meter

# What the device tree calls a channel with nothing on it.
_NOT_CONNECTED = "NC"
_MV_MA = 1e-6
_MW = 1e-3
# The 3.10 driver of the Jetson TX1 numbers the channels of the module's monitor and names none.
_TX1_MODULE = "1-0040"
_TX1_RAILS = ("VDD_IN", "VDD_GPU", "VDD_CPU")
_IIO_FOLDERS = (
    "sys/bus/i2c/devices/*/iio:device*",
    "sys/bus/i2c/devices/*/iio_device",
    "sys/devices/*.i2c/i2c-*/*/iio_device",
    "sys/devices/platform/*.i2c/i2c-*/*/iio_device",
)


@dataclass(frozen=True, slots=True)
class PowerMonitor:
    """One chip, not yet opened: the arguments of `PowerFiles`."""

    rails: Mapping[str, tuple[Path, ...]]
    watts: float
    declared_period_s: float | None = None


def find(root: Path) -> Iterator[Meter | Missing]:
    """Yield a meter per chip, or a Missing with the reason."""
    found = list(monitors(root))
    for monitor in found:
        try:
            yield PowerFiles(monitor.rails, monitor.watts, monitor.declared_period_s)
        except OSError as error:
            yield Missing(str(error), "run as root, or let others read it: chmod a+r on that file")
    if not found:
        fix = "only Jetson boards have one; there, load its driver: sudo modprobe ina3221"
        yield Missing("no INA3221 power monitor in sysfs", fix)


def readable(root: Path) -> bool:
    """Whether there is a monitor, and this process may read all of them."""
    paths = [path for monitor in monitors(root) for files in monitor.rails.values() for path in files]
    return bool(paths) and all(os.access(path, os.R_OK) for path in paths)


def monitors(root: Path) -> Iterator[PowerMonitor]:
    """Yield every chip that has a connected, named channel."""
    for folder in sorted(root.glob("sys/class/hwmon/hwmon*")):
        if text(folder / "name") == "ina3221" and (rails := _hwmon_rails(folder)):
            yield PowerMonitor(rails, _MV_MA, update_interval_s(folder))
    # One chip can be reached by several paths.
    folders = {folder.resolve(): folder for pattern in _IIO_FOLDERS for folder in sorted(root.glob(pattern))}
    for folder in folders.values():
        if rails := _iio_rails(folder):
            yield PowerMonitor(rails, _MW)


def _hwmon_rails(folder: Path) -> dict[str, tuple[Path, ...]]:
    """Return the voltage and current files of channels 1 to 3; in4 to in7 are shunt voltages and their sum."""
    rails: dict[str, tuple[Path, ...]] = {}
    for channel in (1, 2, 3):
        name = text(folder / f"in{channel}_label")
        if name not in ("", _NOT_CONNECTED) and text(folder / f"in{channel}_enable") != "0":
            rails[name] = (folder / f"in{channel}_input", folder / f"curr{channel}_input")
    return rails


def _iio_rails(folder: Path) -> dict[str, tuple[Path, ...]]:
    """Return the power file of each rail, by the driver's name for it or else by that of the TX1's module."""
    unnamed = _TX1_RAILS if folder.parent.name == _TX1_MODULE and not any(folder.glob("rail_name_*")) else ("",) * 3
    rails: dict[str, tuple[Path, ...]] = {}
    for channel, known in enumerate(unnamed):
        name = text(folder / f"rail_name_{channel}") or known
        path = folder / f"in_power{channel}_input"
        if name not in ("", _NOT_CONNECTED) and path.exists():
            rails[name] = (path,)
    return rails
