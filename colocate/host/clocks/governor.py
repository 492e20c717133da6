"""Whether a governor or the hardware raises the CPU clock under load."""

from __future__ import annotations

from colocate.host.sysfs import Sysfs

_CPUFREQ = "/sys/devices/system/cpu/cpu[0-9]*/cpufreq"
# Governors that keep one clock. But with the drivers of `_OWN_WAY`, `powersave` follows the load.
_FIXED = frozenset({"performance", "powersave", "userspace"})
_OWN_WAY = frozenset({"intel_pstate", "amd-pstate-epp"})


def follows_load(sysfs: Sysfs) -> bool:
    """Return whether the clock of any CPU rises and falls with its load while it is not pinned."""
    for folder in sysfs.glob(_CPUFREQ):
        governor = sysfs.read(f"{folder}/scaling_governor")
        own_way = governor == "powersave" and sysfs.read(f"{folder}/scaling_driver") in _OWN_WAY
        if governor is not None and (own_way or governor not in _FIXED):
            return True
    return False
