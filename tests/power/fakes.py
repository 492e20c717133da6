"""Trees of sensor files as the kernels show them, meters that follow a clock, and a clock that costs no time."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from colocate.power import sampler
from colocate.power.meter import MeterKind
from colocate.power.sampler import Sampler, Samples

# Reading it at its beginning fails with EIO, for root too, as a chip that dropped off its bus does.
EIO = Path("/proc/self/mem")


def write(path: Path, value: object) -> None:
    """In place and in one piece, so that an open descriptor sees the one value or the other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("r+b" if path.exists() else "wb") as file:
        file.write(f"{value}\n".encode().rjust(24))


def hwmon(root: Path, index: int, rails: dict[str, tuple[int, int]], update_interval_ms: int = 7) -> Path:
    """An INA3221 of kernel 5.10 with mV and mA of up to three channels, and the sum of shunts that is no rail."""
    folder = root / f"sys/class/hwmon/hwmon{index}"
    folder.mkdir(parents=True)
    (folder / "name").write_text("ina3221\n")
    (folder / "update_interval").write_text(f"{update_interval_ms}\n")
    for channel, (label, (millivolts, milliamperes)) in enumerate(rails.items(), 1):
        (folder / f"in{channel}_label").write_text(f"{label}\n")
        write(folder / f"in{channel}_input", millivolts)
        write(folder / f"curr{channel}_input", milliamperes)
    (folder / "in7_label").write_text("sum of shunt voltages\n")
    write(folder / "in7_input", 9999)
    write(folder / "curr4_input", 9999)
    return folder


def iio(folder: Path, rails: Sequence[tuple[str, int]], named: bool = True) -> Path:
    """An INA3221 of kernel 4.9, or unnamed of 3.10, with mW of each channel."""
    folder.mkdir(parents=True)
    for channel, (name, milliwatts) in enumerate(rails):
        if named:
            (folder / f"rail_name_{channel}").write_text(f"{name}\n")
        write(folder / f"in_power{channel}_input", milliwatts)
    return folder


def rapl(root: Path, package: int, energy_uj: int, max_energy_range_uj: int = 262_143_328_850) -> Path:
    """A package's zone, with a subzone that is part of it."""
    zone = root / f"sys/class/powercap/intel-rapl:{package}"
    for folder, name in ((zone, f"package-{package}"), (zone.with_name(f"{zone.name}:0"), "core")):
        folder.mkdir(parents=True)
        (folder / "name").write_text(f"{name}\n")
        (folder / "max_energy_range_uj").write_text(f"{max_energy_range_uj}\n")
        write(folder / "energy_uj", energy_uj)
    return zone


class FakeMeter:
    """Shows `value(now_s)` of its clock, as it was at the last whole refresh period; `on_read` comes before that."""

    def __init__(
        self,
        value: Callable[[float], Sequence[float]],
        period_s: float,
        clock_s: Callable[[], float],
        kind: MeterKind = MeterKind.POWER,
        declared_period_s: float | None = None,
        phase_s: float = 0.0,
    ) -> None:
        self.on_read: Callable[[], object] = lambda: None
        self.rails = tuple(f"rail{i}" for i in range(len(value(0.0))))
        self.kind = kind
        self.declared_period_s = declared_period_s
        self.reads = 0
        self._value, self._period_s, self._clock_s, self._phase_s = value, period_s, clock_s, phase_s

    def read(self) -> Sequence[float]:
        self.reads += 1
        self.on_read()
        turns = math.floor((self._clock_s() - self._phase_s) / self._period_s)
        return self._value(turns * self._period_s + self._phase_s)

    def close(self) -> None:
        pass


class VirtualTime:
    """Stands for the module `time` and the sampler's sign to end: sleeping moves it on, a little more than asked."""

    def __init__(self, late_s: float = 0.0, seed: int = 0) -> None:
        self.now_ns = 5_000_000_000
        self.cpu_ns = 0
        self.end_ns = 1 << 62
        self._late_s, self._random = late_s, random.Random(seed)

    def monotonic_ns(self) -> int:
        return self.now_ns

    def monotonic(self) -> float:
        return self.now_ns / 1e9

    def thread_time_ns(self) -> int:
        return self.cpu_ns

    def sleep(self, seconds: float) -> None:
        self.now_ns += round((seconds + self._random.uniform(0, self._late_s)) * 1e9)

    def work(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)
        self.cpu_ns += round(seconds * 1e9)

    def acquire(self, timeout: float) -> bool:
        """As the lock that the sampler sleeps on, let go at `end_ns`."""
        self.sleep(max(0.0, min(timeout, (self.end_ns - self.now_ns) / 1e9)))
        return self.now_ns >= self.end_ns


def sampled(monkeypatch: pytest.MonkeyPatch, time: VirtualTime, each: Sampler, for_s: float) -> tuple[Samples, ...]:
    """What `each` samples in `for_s` of virtual time, with its thread's own work done here and now."""
    monkeypatch.setattr(sampler, "time", time)
    monkeypatch.setattr(each, "_ending", time)
    time.end_ns = time.now_ns + round(for_s * 1e9)
    each._sample()
    return tuple(channel.samples() for channel in each._channels)
