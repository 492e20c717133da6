"""A thread that reads every meter during a window."""

from __future__ import annotations

import contextlib
import threading
import time
from array import array
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from colocate.model.trial import FloatArray
from colocate.power.meter import Meter, MeterKind
from colocate.power.refresh import refresh_period_s

# 100 Hz: several readings in the time constant of the slowest Jetson monitors, 54 ms and more.
SAMPLE_PERIOD_S = 0.01
# The shares of one CPU that sampling may take: reading power, with waking up for it, and reading counters. Together
# they are below the 1 % that is promised.
POWER_CPU_SHARE = 0.0075
COUNTER_CPU_SHARE = 0.0015
# While a counter is watched for its next step, it is read so often per period.
_WATCH_PARTS = 100
_TURNS_SMOOTHED = 8
# Meters whose deadlines are so near to one another share one waking up.
_TOGETHER_NS = 1_000_000
_NS = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """The raw readings of one meter, in order, which refreshes every `period_s`.

    `t_ns` (n,) is CLOCK_MONOTONIC in the middle of each reading. `values` (n, rails) are W, or J of a counter; NaN if
    the sensor gave none.
    """

    rails: tuple[str, ...]
    kind: MeterKind
    period_s: float
    t_ns: npt.NDArray[np.int64]
    values: FloatArray


class Sampler:
    """Reads each of `meters` at 100 Hz, or once per refresh period if that is longer, at absolute deadlines.

    If reading would take more of a CPU than it may, because the CPU is slow or a sensor costly to read, the pauses
    grow. A counter can be read seldom, because nothing is lost between two readings. But it must be known when it
    steps, so at both ends it is watched until it has stepped once. So call `start` at least `lead_s` seconds before
    the window and `stop` soon after it; `stop` takes `lead_s` at worst.

    The constructor watches sensors that do not declare their period, for a second each at most.
    """

    def __init__(self, meters: Sequence[Meter]) -> None:
        self._channels = [_Channel(meter, refresh_period_s(meter) or SAMPLE_PERIOD_S) for meter in meters]
        self._counters = [each for each in self._channels if each.meter.kind is MeterKind.ENERGY]
        # A step comes after one period; twice that is enough to know that none comes.
        self.lead_s = 2 * max((each.period_s for each in self._counters), default=0.0)
        self._ending = threading.Lock()
        self._thread: ThreadPoolExecutor | None = None
        self._sampling: Future[None] | None = None

    def start(self) -> None:
        """Begin to read, in a thread that inherits the CPUs of this one. Readings not fetched yet are dropped."""
        self.close()
        for channel in self._channels:
            channel.clear()
        # Releasing this lock ends the thread, which waits for it: the cheapest sleep that can be cut short.
        self._ending = threading.Lock()
        self._ending.acquire()
        self._thread = ThreadPoolExecutor(1, "sampler")
        self._sampling = self._thread.submit(self._sample)

    def stop(self) -> tuple[Samples, ...]:
        """End the thread, and return what each meter showed since `start`, in the order of the meters."""
        assert self._sampling is not None, "stop follows start"
        sampling = self._sampling
        self.close()
        sampling.result()
        return tuple(channel.samples() for channel in self._channels)

    def close(self) -> None:
        """End the thread if there is one. The meters stay open, because the caller closes them."""
        if self._thread is not None:
            # A signal may interrupt this; it is then called again on the way out, with the lock already released.
            with contextlib.suppress(RuntimeError):
                self._ending.release()
            self._thread.shutdown()
            self._thread = None
            self._sampling = None

    def _sample(self) -> None:
        if not self._channels:
            return
        self._watch_counters()
        for channel in self._channels:
            # The first reading of a new thread costs many times the later ones, and says nothing about them.
            channel.meter.read()
        wake_ns = time.monotonic_ns()
        for channel in self._channels:
            channel.begin(wake_ns)
        turn_ns, cpu_ns = 0.0, time.thread_time_ns()
        while not self._ending.acquire(timeout=max(0, wake_ns - time.monotonic_ns()) * _NS):
            now_ns = time.monotonic_ns()
            due = [channel for channel in self._channels if channel.due_ns <= now_ns + _TOGETHER_NS]
            counters_ns = sum(channel.read_when_due() for channel in due)
            before_ns, cpu_ns = cpu_ns, time.thread_time_ns()
            # Smoothed, so that one costly turn makes several pauses a little longer, and not one very long.
            turn_ns += (cpu_ns - before_ns - counters_ns - turn_ns) / _TURNS_SMOOTHED
            rested_ns = now_ns + round(turn_ns / POWER_CPU_SHARE)
            wake_ns = max(rested_ns, min(channel.due_ns for channel in self._channels))
        self._watch_counters()

    def _watch_counters(self) -> None:
        """Read every counter until it steps, so often that the moment of the step is known."""
        for channel in self._counters:
            channel.read()
        still = list(self._counters)
        end_ns = time.monotonic_ns() + round(self.lead_s / _NS)
        while still and time.monotonic_ns() < end_ns:
            time.sleep(min(channel.period_s for channel in still) / _WATCH_PARTS)
            still = [channel for channel in still if not channel.read()]


class _Channel:
    """One meter, what it showed, and when to read it next."""

    def __init__(self, meter: Meter, period_s: float) -> None:
        self.meter = meter
        self.period_s = period_s
        self._step_ns = round(max(period_s, SAMPLE_PERIOD_S) / _NS)
        self.due_ns = 0
        self.clear()

    def clear(self) -> None:
        # Arrays grow by doubling or so, a few kilobytes in all, and never run full.
        self._t_ns = array("q")
        self._values = array("d")
        self._last: Sequence[float] = ()

    def begin(self, now_ns: int) -> None:
        """Set the first deadline: now, or for a counter, which has just stepped, half a period later."""
        counter = self.meter.kind is MeterKind.ENERGY
        self.due_ns = now_ns + (round(self.period_s / 2 / _NS) if counter else 0)

    def read(self) -> bool:
        """Take one reading, and return whether it differs from the one before."""
        before_ns = time.monotonic_ns()
        values = self.meter.read()
        self._t_ns.append((before_ns + time.monotonic_ns()) // 2)
        self._values.extend(values)
        differs, self._last = values != self._last, values
        return differs

    def read_when_due(self) -> int:
        """Take one reading and set the next deadline. Return the CPU time in ns of reading a counter, 0 for power."""
        before_ns = time.thread_time_ns()
        self.read()
        spent_ns = time.thread_time_ns() - before_ns if self.meter.kind is MeterKind.ENERGY else 0
        pause_ns = round(spent_ns / COUNTER_CPU_SHARE)
        self.due_ns = max(self.due_ns + self._step_ns, time.monotonic_ns() + pause_ns)
        return spent_ns

    def samples(self) -> Samples:
        values = np.array(self._values).reshape(len(self._t_ns), len(self.meter.rails))
        t_ns = np.array(self._t_ns, dtype=np.int64)
        return Samples(self.meter.rails, self.meter.kind, self.period_s, t_ns, values)
