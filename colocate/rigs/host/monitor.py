"""What is read while a window lasts: clocks, throttling, temperature and power."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from colocate.host.clocks.find import Clocks
from colocate.host.gpu_state import GpuLook, GpuState
from colocate.host.sysfs import Sysfs
from colocate.host.thermal import Throttle, read_temperature_c, throttled
from colocate.power.find import Meters
from colocate.power.sampler import Sampler, Samples

# Looks at the clocks in one window, evenly spread: a few reads each, on the housekeeping CPU.
LOOKS = 4
# A board that was throttled needs minutes to cool down, not hours.
COOLING_TIMEOUT_S = 300.0
_COOLING_POLL_S = 1.0

# CPU, GPU and memory in Hz, None where it cannot be read.
Clockset = tuple[int | None, int | None, int | None]


def sleep_until(moment_s: float) -> None:
    """Sleep until a moment of the monotonic clock."""
    time.sleep(max(0.0, moment_s - time.monotonic()))


@dataclass(frozen=True, slots=True)
class Readings:
    """What was read in one window: the clocks at each look, whether and why clocks were held down, temperatures in
    degrees Celsius (the GPU's highest), and what the meters showed.
    """

    clocks_hz: tuple[Clockset, ...] = ()
    throttled: bool = False
    temperature_c: float | None = None
    gpu_temperature_c: float | None = None
    throttle_reasons: tuple[str, ...] = ()
    samples: tuple[Samples, ...] = field(default=(), repr=False)


class Monitor:
    """Reads the state of the machine from the start of a warm-up to the end of a window."""

    def __init__(self, sysfs: Sysfs, clocks: Clocks, meters: Meters, gpu: int | None = None) -> None:
        """`gpu` is the number of the GPU that matters; None stands for all of them."""
        self._sysfs = sysfs
        self._clocks = clocks
        self._throttle = Throttle(sysfs)
        self._sampler = Sampler(meters.meters)
        self._throttle_before: Mapping[str, int] = {}
        self._gpus = GpuState(gpu)
        self._looks: list[Clockset] = []
        self._gpu_looks: list[GpuLook] = []
        self._samples: tuple[Samples, ...] = ()
        self._sampling = False

    def begin(self, warmup_s: float, *, power: bool = True) -> None:
        """Sleep through the warm-up, or longer if the meters need more time before the window. Without `power`, no
        meter is read.
        """
        self._samples, self._sampling = (), power
        if power:
            self._sampler.start()
        time.sleep(max(warmup_s, self._sampler.lead_s if power else 0.0))

    @property
    def lag_s(self) -> float:
        """By how many seconds a window may outlast its length: see `window`."""
        return self._sampler.lead_s if self._sampling else 0.0

    def window(self, window_s: float, cpus: Sequence[int], until: Callable[[float], None] = sleep_until) -> None:
        """Let the window pass and read the clocks a few times. `cpus` are the CPUs whose clock matters, and `until`
        lets time pass until a moment of the monotonic clock.

        This ends when every energy counter has stepped once more, a little after `window_s`. The children must work
        until then, because the power of an idle machine would be counted as theirs.
        """
        began_s = time.monotonic()
        self._throttle_before = self._throttle.read()
        self._looks, self._gpu_looks = [], []
        for look in range(LOOKS):
            until(began_s + window_s * (look + 0.5) / LOOKS)
            self._looks.append(self._clocks.seen(cpus))
            self._gpu_looks.append(self._gpus.look())
        until(began_s + window_s)
        if self._sampling:
            self._samples = self._sampler.stop()

    def end(self) -> Readings:
        """Return what was read in the window."""
        return Readings(
            clocks_hz=tuple(self._looks),
            throttled=bool(throttled(self._throttle_before, self._throttle.read())),
            temperature_c=read_temperature_c(self._sysfs),
            gpu_temperature_c=max(
                (look.temperature_c for look in self._gpu_looks if look.temperature_c is not None), default=None
            ),
            throttle_reasons=tuple(sorted({reason for look in self._gpu_looks for reason in look.throttle_reasons})),
            samples=self._samples,
        )

    def cooled(self, limit_c: float) -> bool:
        """Wait until the machine is no hotter than `limit_c`. Return whether that took less than `COOLING_TIMEOUT_S`
        seconds.
        """
        deadline_s = time.monotonic() + COOLING_TIMEOUT_S
        while (now_c := read_temperature_c(self._sysfs)) is not None and now_c > limit_c:
            if time.monotonic() > deadline_s:
                return False
            time.sleep(_COOLING_POLL_S)
        return True

    def close(self) -> None:
        """End the sampling thread if a window was cut short."""
        self._sampler.close()
