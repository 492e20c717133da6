r"""What colocate may write: the one list that pinning, the journal and `restore` share; and how it is restored.

A knob is a setting that colocate writes, and its path is its name. The lock of an NVIDIA GPU has no path; its name is
`nvml:` with the GPU's UUID.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping

from colocate.errors import HostError, KnobError, RestoreError
from colocate.host.nvml import LOCK_KNOB, UNLOCKED, unlock
from colocate.host.sysfs import Sysfs

_NAME = r"(?!\.)[\w.:@-]+"
_NUMBER = r"[0-9]{1,15}"
_SWITCH = r"[01]"
_KNOBS = tuple(
    (re.compile(path, re.ASCII), re.compile(value))
    for path, value in (
        # kernel Documentation/admin-guide/pm/cpufreq.rst; below cpuN before kernel 4.4
        (r"/sys/devices/system/cpu/(cpufreq/policy[0-9]+|cpu[0-9]+/cpufreq)/scaling_(min|max)_freq", _NUMBER),
        # kernel Documentation/ABI/testing/sysfs-class-devfreq
        (rf"/sys/class/devfreq/{_NAME}/(min|max)_freq", _NUMBER),
        # nvgpu's own switch of power gating; L4T kernels 4.4 and later
        (rf"/sys/class/devfreq/{_NAME}/device/railgate_enable", _SWITCH),
        # L4T 3.10: takes cores away when they idle
        (r"/sys/devices/system/cpu/cpuquiet/tegra_cpuquiet/enable", _SWITCH),
        # Clock overrides of L4T 3.10, of 4.x on Tegra 210, and of the power processor of later Tegras
        (r"/sys/kernel/debug/clock/override\.(gbus|emc)/rate", _NUMBER),
        (r"/sys/kernel/debug/clock/override\.(gbus|emc)/state", _SWITCH),
        (r"/sys/kernel/debug/clk/override\.emc/clk_update_rate", _NUMBER),
        (r"/sys/kernel/debug/clk/override\.emc/clk_state", _SWITCH),
        (r"/sys/kernel/debug/bpmp/debug/clk/emc/rate", _NUMBER),
        (r"/sys/kernel/debug/bpmp/debug/clk/emc/mrq_rate_locked", _SWITCH),
        # Mainline memory controller driver of Tegra
        (r"/sys/kernel/debug/emc/(min|max)_rate", _NUMBER),
        (rf"{LOCK_KNOB}GPU-[0-9a-f-]{{36}}", UNLOCKED),
    )
)
# A knob that can only be written (mode 0200), and the file that shows what it did.
_SHOWN_AT = {"/sys/kernel/debug/clk/override.emc/clk_update_rate": "/sys/kernel/debug/clk/override.emc/clk_rate"}
_TAKEN_OVER_S = 0.03
# Before each pass over what differs. The first passes settle the order of minimum and maximum, whichever
# comes first; the later ones outlast a kernel that is busy. In all well under the watchdog's 2 s.
_PAUSES_S = (0.0, 0.0, 0.0, 0.02, 0.1, 0.4)


def check(sysfs: Sysfs, knob: str, value: str) -> None:
    """Raise HostError unless this knob is in the list, its value is of the right kind, and its path is inside
    /sys.
    """
    if not any(name.fullmatch(knob) and kind.fullmatch(value) for name, kind in _KNOBS):
        raise HostError(f"{knob} = {value!r} is not something that colocate writes")
    if not knob.startswith(LOCK_KNOB) and not sysfs.resolved(knob).startswith("/sys/"):
        raise HostError(f"{knob} leads out of /sys")


def read_knob(sysfs: Sysfs, knob: str) -> str | None:
    """Return what the knob is set to; None if it cannot be read."""
    return sysfs.read(_SHOWN_AT.get(knob, knob))


def capture(sysfs: Sysfs, knobs: Iterable[str]) -> dict[str, str]:
    """Return what these knobs are set to. Raises HostError for one that cannot be read, or that this process may not
    write.
    """
    captured = {}
    for knob in knobs:
        value = read_knob(sysfs, knob)
        if value is None or not sysfs.writable(knob):
            raise HostError(f"{knob} cannot be read and written: run as root, or leave that clock native")
        check(sysfs, knob, value)
        captured[knob] = value
    return captured


def write_if_other(sysfs: Sysfs, knob: str, value: str) -> None:
    """Write the value unless the knob shows it already, because L4T counts how often its switches were turned on."""
    if read_knob(sysfs, knob) != value:
        sysfs.write(knob, value)


def put_back(sysfs: Sysfs, captured: Mapping[str, str]) -> tuple[str, ...]:
    """Restore every knob to its captured value, and return the knobs that had another value. Raises RestoreError if
    one stays different.

    Minimum and maximum need no order: a write that is refused or clamped now succeeds in a later pass. A GPU's lock
    cannot be read, so it counts as changed.
    """
    locks = [knob.removeprefix(LOCK_KNOB) for knob in captured if knob.startswith(LOCK_KNOB)]
    try:
        changed = _rewrite(sysfs, {knob: value for knob, value in captured.items() if not knob.startswith(LOCK_KNOB)})
    finally:
        for uuid in locks:
            unlock(uuid)
    return (*changed, *(LOCK_KNOB + uuid for uuid in locks))


def _rewrite(sysfs: Sysfs, captured: Mapping[str, str]) -> tuple[str, ...]:
    # cpufreq applies a written limit a little later, so a value that is read at once may be the former one.
    time.sleep(_TAKEN_OVER_S)
    first = differing = _differing(sysfs, captured)
    refusals: dict[str, str] = {}
    for pause_s in _PAUSES_S:
        if not differing:
            time.sleep(_TAKEN_OVER_S)
            differing = _differing(sysfs, captured)
            if not differing:
                return tuple(first)
        time.sleep(pause_s)
        refusals.clear()
        for knob in differing:
            try:
                sysfs.write(knob, captured[knob])
            except KnobError as error:
                refusals[knob] = str(error)
        differing = _differing(sysfs, captured)
    if not differing:
        return tuple(first)
    left = "; ".join(
        f"{knob}: wanted {captured[knob]}, found {found}" + (f" ({refusals[knob]})" if knob in refusals else "")
        for knob, found in differing.items()
    )
    raise RestoreError(f"could not put back {left}. The journal is kept; `python -m colocate restore` tries again")


def _differing(sysfs: Sysfs, captured: Mapping[str, str]) -> dict[str, str | None]:
    read = {knob: read_knob(sysfs, knob) for knob in captured}
    return {knob: found for knob, found in read.items() if found != captured[knob]}
