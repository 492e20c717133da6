"""How the owner of a Jetson has set it, read from the files of L4T (NVIDIA's Linux for Tegra); nothing is changed."""

from __future__ import annotations

import re
from collections.abc import Iterable

from colocate.host.clocks.find import Clocks
from colocate.host.clocks.kernel_clock import Clock, ClockLimits
from colocate.host.cpus.cpu_list import parse_cpu_list
from colocate.host.sysfs import Sysfs
from colocate.model.board import BoardState, PowerMode

_KIB = 1 << 10
_CPU = "/sys/devices/system/cpu"
_RELEASE = "/etc/nv_tegra_release"
_RELEASE_LINE = re.compile(r"# R(\d+) \(release\), REVISION: ([\d.]+)")
# nvpmodel keeps the number of the mode there, as `pmode:0002`, and the modes' names in its configuration.
_MODE = "/var/lib/nvpmodel/status"
_MODE_LINE = re.compile(r"pmode:(\d+)")
_MODES = "/etc/nvpmodel.conf"
_FAN_OF_JETPACK_4 = "/sys/devices/pwm-fan/temp_control"
_FAN_CONFIGURATION = "/etc/nvfancontrol.conf"
_FAN_PROFILE = re.compile(r"^\s*FAN_DEFAULT_PROFILE\s+(\S+)", re.MULTILINE)
# As /proc/PID/comm has them.
_DISPLAY_SERVERS = frozenset({"Xorg", "Xwayland", "gnome-shell", "weston"})

# NVIDIA's releases by their L4T: those that public lists agree on.
_JETPACKS = {
    "24.2.1": "2.3.1", "28.1.0": "3.1", "28.2.0": "3.2", "28.2.1": "3.3", "28.4.0": "3.3.3",
    "32.1.0": "4.2", "32.2.0": "4.2.1", "32.2.1": "4.2.2", "32.2.3": "4.2.3", "32.3.1": "4.3", "32.4.3": "4.4",
    "32.4.4": "4.4.1", "32.5.0": "4.5", "32.5.1": "4.5.1", "32.5.2": "4.5.1", "32.6.1": "4.6", "32.7.1": "4.6.1",
    "32.7.2": "4.6.2", "32.7.3": "4.6.3", "32.7.6": "4.6.6", "35.1.0": "5.0.2", "35.2.1": "5.1", "35.3.1": "5.1.1",
    "35.6.0": "5.1.4", "36.3.0": "6.0", "36.4.0": "6.1", "36.5.0": "6.2.2", "38.2.0": "7.0", "38.4.0": "7.1",
    "39.2.0": "7.2",
}  # fmt: skip


def read_board(sysfs: Sysfs, clocks: Clocks) -> BoardState | None:
    """Return the state of a machine that has the files of L4T or nvpmodel; None for any other machine."""
    release, status = sysfs.read(_RELEASE), sysfs.read(_MODE)
    if release is None and status is None:
        return None
    l4t = _l4t(release or "")
    return BoardState(
        l4t=l4t,
        power_mode=_power_mode(status or "", sysfs.read(_MODES) or ""),
        cpus_off=_cpus_off(sysfs),
        clocks_held=_clocks_held(sysfs, clocks),
        jetpack=_JETPACKS.get(l4t, ""),
        desktop=any(sysfs.read(comm) in _DISPLAY_SERVERS for comm in sysfs.glob("/proc/[0-9]*/comm")),
        zram_bytes=_zram_bytes(sysfs.read("/proc/swaps") or ""),
        fan=_fan(sysfs),
    )


def _l4t(release: str) -> str:
    """Return the L4T version in /etc/nv_tegra_release: `# R32 (release), REVISION: 7.1, ...` gives `32.7.1`."""
    match = _RELEASE_LINE.search(release)
    return f"{match[1]}.{match[2]}" if match else ""


def _power_mode(status: str, configuration: str) -> PowerMode | None:
    match = _MODE_LINE.search(status)
    if match is None:
        return None
    number = int(match[1])
    name = re.search(rf"^\s*<\s*POWER_MODEL\s+ID={number}\s+NAME=(\S+?)\s*>", configuration, re.MULTILINE)
    return PowerMode(number, name[1] if name else "")


def _cpus_off(sysfs: Sysfs) -> tuple[int, ...]:
    """Return the CPUs that are present but offline, because a power mode switched them off."""
    try:
        present, online = (set(parse_cpu_list(sysfs.read(f"{_CPU}/{name}") or "")) for name in ("present", "online"))
    except ValueError:
        return ()
    return tuple(sorted(present - online)) if online else ()


def _clocks_held(sysfs: Sysfs, clocks: Clocks) -> bool | None:
    """Return whether the lower and upper limits of each CPU and GPU clock are equal; None if no limits are shown."""
    found = (clocks.cpu, clocks.gpu)
    limits = [
        control
        for clock in found
        if isinstance(clock, Clock)
        for control in clock.controls
        if isinstance(control, ClockLimits)
    ]
    return _all_equal((sysfs.read(each.lowest), sysfs.read(each.highest)) for each in limits) if limits else None


def _all_equal(pairs: Iterable[tuple[str | None, str | None]]) -> bool:
    return all(lowest == highest for lowest, highest in pairs)


def _zram_bytes(swaps: str) -> int:
    """Return the size of zram (compressed swap in memory) in bytes. `swaps` is the text of /proc/swaps, with lines
    such as `/dev/zram0 partition 507364 0 5` and sizes in KiB.
    """
    rows = [line.split() for line in swaps.splitlines()]
    return sum(int(row[2]) * _KIB for row in rows if len(row) > 2 and "zram" in row[0] and row[2].isdecimal())


def _fan(sysfs: Sysfs) -> str:
    """Return what controls the fan: the temperature, a fixed speed, or the default profile of nvfancontrol; "" if
    unknown.
    """
    by_temperature = sysfs.read(_FAN_OF_JETPACK_4)
    if by_temperature is not None:
        return "by temperature" if by_temperature == "1" else "at a fixed speed"
    profile = _FAN_PROFILE.search(sysfs.read(_FAN_CONFIGURATION) or "")
    return f"profile {profile[1]}" if profile else ""
