"""How hot the machine is, and whether its firmware or kernel has slowed it down."""

from __future__ import annotations

from collections.abc import Mapping

from colocate.host.sysfs import Sysfs

_MILLI = 1e-3
# A zone outside this range is not connected (-256 on JetPack 5 and later, 0 K, or a maximum of its type).
_PLAUSIBLE_C = (-60.0, 150.0)
# Shows 100 degrees always (Tegra 210).
_DUMMIES = ("PMIC-Die",)
# Counters that rise when a clock is held down: Orin's and Thor's over-current events (hwmon `soctherm_oc`),
# and those of x86 cores and packages.
_COUNTERS = (
    ("/sys/class/hwmon/hwmon*/oc*_event_cnt", "soctherm_oc"),
    ("/sys/devices/system/cpu/cpu[0-9]*/thermal_throttle/*_throttle_count", None),
)


def read_temperature_c(sysfs: Sysfs) -> float | None:
    """Return the temperature of the hottest zone in /sys/class/thermal, in degrees Celsius; None if none is
    plausible.
    """
    found = []
    for zone in sysfs.glob("/sys/class/thermal/thermal_zone*"):
        value = _integer(sysfs, f"{zone}/temp")
        if value is None or sysfs.read(f"{zone}/type") in _DUMMIES:
            continue
        low_c, high_c = _PLAUSIBLE_C
        if low_c < value * _MILLI < high_c:
            found.append(value * _MILLI)
    return max(found, default=None)


class Throttle:
    """The kernel files that change when something slows the machine down."""

    def __init__(self, sysfs: Sysfs) -> None:
        self._sysfs = sysfs
        self._counters = [
            path
            for pattern, owner in _COUNTERS
            for path in sysfs.glob(pattern)
            if owner is None or sysfs.read(f"{path.rpartition('/')[0]}/name") == owner
        ]
        # A fan is a cooling device too, but one that slows nothing.
        self._states = [
            f"{device}/cur_state"
            for device in sysfs.glob("/sys/class/thermal/cooling_device*")
            if "fan" not in (sysfs.read(f"{device}/type") or "").lower()
        ]

    def read(self) -> Mapping[str, int]:
        """Return every counter and cooling state as it is now, by path. Those that cannot be read are left out."""
        found = {path: _integer(self._sysfs, path) for path in (*self._counters, *self._states)}
        return {path: value for path, value in found.items() if value is not None}


def throttled(before: Mapping[str, int], after: Mapping[str, int]) -> tuple[str, ...]:
    """Return the paths whose value changed between two readings of `Throttle`, each of which shows throttling.

    A cooling state that stays the same is no evidence, because some drivers never rest at 0. If a clock is held down
    throughout, the clock itself shows it.
    """
    return tuple(path for path, value in after.items() if value != before.get(path, value))


def _integer(sysfs: Sysfs, path: str) -> int | None:
    text = sysfs.read(path)
    return int(text) if text and text.removeprefix("-").isdecimal() else None
