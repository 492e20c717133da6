"""What the kernel counts of the threads that launch the network; this process can read it at any moment of a window.

The worker knows nothing of it. A reading takes some ten microseconds, on the CPUs of this process.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from colocate.host.cpus.activity import trees
from colocate.host.cpus.misses import MissCounter, misses_of
from colocate.host.cpus.quota import Throttling, quota_groups, throttling
from colocate.host.processes.child import Child
from colocate.model.trial import Waits

_PROC = Path("/proc")
_NS = 1e-9
_SWITCHES = ("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches")


class ThreadCounts(NamedTuple):
    """The counts of one thread since it began: for how many ns it ran and waited for a CPU, and its voluntary and
    involuntary context switches.
    """

    ran_ns: int = 0
    waited_ns: int = 0
    voluntary: int = 0
    involuntary: int = 0


class WaitReading(NamedTuple):
    """The counts of some threads by thread id, and of the quotas around them, at `moment_s` of the monotonic clock.
    `cache_misses` is None if they are not counted.
    """

    threads: Mapping[str, ThreadCounts]
    throttling: Throttling
    moment_s: float
    cache_misses: float | None = None


@dataclass(frozen=True, slots=True)
class WaitGauge:
    """Reads the waits of the main thread of each process in `launching`, and of all threads of the processes in
    `programs`.

    `quotas` are the cgroups around them that have a CPU quota. `misses` count the cache misses of the `launching`
    threads; empty if the machine cannot count them.
    """

    launching: Sequence[int] = ()
    programs: Sequence[int] = ()
    quotas: Sequence[Path] = ()
    misses: Sequence[MissCounter] = ()
    proc: Path = _PROC

    def read(self) -> WaitReading:
        """Return the counts so far. Threads that have ended, or that the kernel does not count, are left out."""
        threads = {}
        for folder in self._threads():
            with contextlib.suppress(OSError):
                threads[folder.name] = _counts(folder)
        misses = sum(counter.read() for counter in self.misses) if self.misses else None
        return WaitReading(threads, throttling(self.quotas), time.monotonic(), misses)

    def between(self, begin: WaitReading, end: WaitReading) -> Waits | None:
        """Return what was counted between two readings; None without a network, or if the kernel counts nothing."""
        ended = [(now, begin.threads.get(thread, ThreadCounts())) for thread, now in end.threads.items()]
        sums = ThreadCounts(*(sum(column) for column in zip(*(_less(*pair) for pair in ended), strict=True)))
        if not any(now.ran_ns for now, _ in ended):
            return None
        stopped_s = end.throttling.since(begin.throttling).stopped_s if self.quotas else None
        elapsed_s = end.moment_s - begin.moment_s
        misses = None
        if begin.cache_misses is not None and end.cache_misses is not None:
            # A count that is scaled may fall a little.
            misses = max(0.0, end.cache_misses - begin.cache_misses)
        counts = (sums.waited_ns * _NS, sums.ran_ns * _NS, sums.voluntary, sums.involuntary)
        return Waits(*counts, stopped_s, elapsed_s, misses)

    def _threads(self) -> list[Path]:
        found = [self.proc / str(pid) / "task" / str(pid) for pid in self.launching]
        for pid in self.programs:
            found += (self.proc / str(pid) / "task").glob("[0-9]*")
        return found


@contextlib.contextmanager
def wait_gauge(worker: Sequence[Child], tasks: Sequence[Child], *, pipeline: bool) -> Iterator[WaitGauge]:
    """Yield the gauge of the network that `worker` serves. For a `pipeline` it reads the program that the worker
    started, which launches the network.

    Without a network, the quotas are those around the task.
    """
    pids = [child.pid for child in worker]
    programs = [pid for pid in trees(pids) if pid not in pids] if pipeline else []
    quotas = [
        group for pid in [*(programs or pids), *(child.pid for child in tasks)][:1] for group in quota_groups(pid)
    ]
    launching = [] if pipeline else pids
    with contextlib.ExitStack() as stack:
        counters = [stack.enter_context(misses_of(pid)) for pid in launching]
        misses = [counter for counter in counters if counter is not None]
        yield WaitGauge(launching, programs, quotas, misses if len(misses) == len(launching) else ())


def _counts(thread: Path) -> ThreadCounts:
    ran_ns, waited_ns, _ = map(int, (thread / "schedstat").read_text().split())
    switches = dict.fromkeys(_SWITCHES, 0)
    for line in (thread / "status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in switches:
            switches[name] = int(value)
    return ThreadCounts(ran_ns, waited_ns, *switches.values())


def _less(now: ThreadCounts, then: ThreadCounts) -> ThreadCounts:
    return ThreadCounts(*(a - b for a, b in zip(now, then, strict=True)))
