"""A clock in the kernel's files: how it is read, and how it is pinned to one frequency.

There are two kinds. `ClockLimits` has a lower and an upper limit, which pin the clock when they are equal (cpufreq,
devfreq, the mainline memory controller). `Override` has a rate and a switch that puts the rate in force (L4T
debugfs).

Both keep the ceiling that was in force when the clock was found, set by a power mode or the machine's owner. It is
not read again, because the limits of a pinned clock are colocate's own. No step above the ceiling is offered.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from colocate.errors import KnobError
from colocate.host.clocks.domain import ARRIVAL_TIMEOUT_S, ARRIVED_RATIO
from colocate.host.restore.knobs import capture, put_back, read_knob, write_if_other
from colocate.host.sysfs import Sysfs, read_hz, read_steps_hz

_POLL_S = 0.002
_KHZ = 1000


@dataclass(frozen=True, slots=True)
class ClockLimits:
    """The files of a clock: its lower and upper limit, its current value and its table of steps, all in `unit_hz`.

    `cpus` are the logical CPUs that run at this clock; empty for other clocks.
    """

    lowest: str
    highest: str
    current: str
    steps: str
    unit_hz: int = 1
    cpus: frozenset[int] = frozenset()
    ceiling_hz: int | None = None

    def steps_hz(self, sysfs: Sysfs) -> tuple[int, ...]:
        """Return the steps up to the ceiling in Hz; empty if the driver has no table (intel_pstate, amd-pstate)."""
        return _up_to(self.ceiling_hz, read_steps_hz(sysfs, self.steps, self.unit_hz))

    def found_ceiling_hz(self, sysfs: Sysfs) -> int | None:
        """Return the upper limit in force now, in Hz; None if it cannot be read."""
        return read_hz(sysfs, self.highest, self.unit_hz)

    def knobs(self, sysfs: Sysfs) -> tuple[str, ...]:
        """Return the files that `request` writes."""
        return self.lowest, self.highest

    def request(self, sysfs: Sysfs, hz: int) -> None:
        """Set both limits to `hz`, in the order that never puts the minimum above the maximum, which 4.9 kernels
        refuse.

        Later kernels clamp instead, and apply a limit a little after it is written.
        """
        highest_hz = read_hz(sysfs, self.highest, self.unit_hz)
        rising = highest_hz is not None and hz > highest_hz
        for limit in (self.highest, self.lowest) if rising else (self.lowest, self.highest):
            sysfs.write(limit, str(hz // self.unit_hz))

    def differing(self, sysfs: Sysfs, hz: int) -> str | None:
        """Return path, wanted and found value of the first file that does not show `hz` yet; None if all do."""
        for path in (self.lowest, self.highest, self.current):
            if not _arrived(read_hz(sysfs, path, self.unit_hz), hz):
                return f"{path}: wanted {hz // self.unit_hz}, found {sysfs.read(path)}"
        return None


@dataclass(frozen=True, slots=True)
class Override:
    """A rate in Hz and the switch that puts it in force.

    The steps are in the first of `tables` that has numbers, in kHz. If none has, the files `ends` hold the lowest and
    the highest rate in Hz. The files `caps` hold upper limits in Hz; 0 is no limit.
    """

    rate: str
    switch: str
    current: str
    tables: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    caps: tuple[str, ...] = ()
    # The power processor changes an unlocked clock at any time, so its lock is written before the rate. On Tegra 210
    # the switch would briefly force the rate of its last use, so there the rate is written before the switch.
    switch_first: bool = False
    unit_hz: int = 1
    ceiling_hz: int | None = None

    def steps_hz(self, sysfs: Sysfs) -> tuple[int, ...]:
        """Return the steps up to the ceiling in Hz. Without a table these are the lowest and the highest rate,
        neither above the ceiling.
        """
        for path in self.tables:
            if table := read_steps_hz(sysfs, path, _KHZ):
                return _up_to(self.ceiling_hz, table)
        ends_hz = [hz for path in self.ends if (hz := read_hz(sysfs, path)) is not None]
        return tuple(sorted({hz if self.ceiling_hz is None else min(hz, self.ceiling_hz) for hz in ends_hz}))

    def found_ceiling_hz(self, sysfs: Sysfs) -> int | None:
        """Return the lowest cap in force now, in Hz; None if there is none."""
        caps_hz = (read_hz(sysfs, path) for path in self.caps)
        return min((hz for hz in caps_hz if hz), default=None)

    def knobs(self, sysfs: Sysfs) -> tuple[str, ...]:
        """Return the files to restore after `request`: the switch and, only if the switch is on, the rate. While the
        switch is off, the file of the rate shows the clock as it varies, not a setting.
        """
        return (self.rate, self.switch) if sysfs.read(self.switch) == "1" else (self.switch,)

    def request(self, sysfs: Sysfs, hz: int) -> None:
        """Set the rate, then the switch; `switch_first` reverses the order. A file that shows its value already is
        not written, because some kernels count how often the switch was turned on.
        """
        writes = [(self.rate, str(hz)), (self.switch, "1")]
        for knob, value in reversed(writes) if self.switch_first else writes:
            write_if_other(sysfs, knob, value)

    def differing(self, sysfs: Sysfs, hz: int) -> str | None:
        """Return path, wanted and found value of the first file that is not in force yet; None if all are."""
        if (found := sysfs.read(self.switch)) != "1":
            return f"{self.switch}: wanted 1, found {found}"
        if not _arrived(read_hz(sysfs, self.current, self.unit_hz), hz):
            return f"{self.current}: wanted {hz // self.unit_hz}, found {sysfs.read(self.current)}"
        return None


@dataclass(frozen=True, slots=True)
class Clock:
    """A `Domain` in the kernel's files. `held` has other switches and their values while it is pinned, such as 0 for
    power gating.
    """

    name: str
    sysfs: Sysfs
    controls: tuple[ClockLimits | Override, ...]
    held: Mapping[str, str] = field(default_factory=dict)
    on_request: bool = False

    @property
    def steps_hz(self) -> tuple[int, ...]:
        """The steps in Hz that all controls have, because one frequency is set on all of them."""
        tables = [set(control.steps_hz(self.sysfs)) for control in self.controls]
        return tuple(sorted(set.intersection(*tables)))

    def read_hz(self, cpus: Collection[int] = ()) -> int | None:
        """Return the lowest frequency among the controls in Hz, so that a throttled one shows; None if none can be
        read. If `cpus` are given, only the controls of these CPUs count.
        """
        chosen = [control for control in self.controls if not cpus or _serves(control, cpus)]
        found = [read_hz(self.sysfs, control.current, control.unit_hz) for control in chosen]
        return min((hz for hz in found if hz is not None), default=None)

    def capture(self) -> dict[str, str]:
        """See `Domain.capture`."""
        knobs = [knob for control in self.controls for knob in control.knobs(self.sysfs)]
        return capture(self.sysfs, [*self.held, *knobs])

    def pin(self, hz: int, timeout_s: float = ARRIVAL_TIMEOUT_S) -> None:
        """See `Domain.pin`."""
        for knob, value in self.held.items():
            write_if_other(self.sysfs, knob, value)
            if (kept := read_knob(self.sysfs, knob)) != value:
                raise KnobError(f"{knob}: wanted {value}, found {kept}")
        for control in self.controls:
            control.request(self.sysfs, hz)
        deadline_s = time.monotonic() + timeout_s
        for control in self.controls:
            while (difference := control.differing(self.sysfs, hz)) is not None:
                if time.monotonic() >= deadline_s:
                    raise KnobError(f"{difference} after {timeout_s:g} s")
                time.sleep(_POLL_S)

    def release(self, captured: Mapping[str, str]) -> None:
        """See `Domain.release`."""
        put_back(self.sysfs, captured)


def _up_to(ceiling_hz: int | None, steps_hz: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(hz for hz in steps_hz if ceiling_hz is None or hz <= ceiling_hz)


def _arrived(found_hz: int | None, wanted_hz: int) -> bool:
    return found_hz is not None and abs(found_hz - wanted_hz) <= ARRIVED_RATIO * wanted_hz


def _serves(control: ClockLimits | Override, cpus: Collection[int]) -> bool:
    return isinstance(control, ClockLimits) and not control.cpus.isdisjoint(cpus)
