"""Tries many inputs in a few processes at once, each input within its memory and its time."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection, wait
from pathlib import Path

import psutil

from tests.fuzz import kinds, memory, worker
from tests.fuzz.inputs import Finding, Outcome

# Of CPU, whatever else the machine does; and by the clock, for what waits and computes nothing.
CPU_MAX_S, WALL_MAX_S = 10.0, 300.0
_LOOK_S = 0.2
_fork = multiprocessing.get_context("fork")

Job = tuple[str, int, int]


def jobs(kind_names: Iterable[str], seed: int, count: int) -> Iterator[Job]:
    """So many inputs in all, from each kind by turns."""
    names = [*kind_names]
    return ((names[number % len(names)], seed, number // len(names)) for number in range(count))


def campaign(wanted: Iterable[Job], processes: int = 2) -> Iterator[Finding]:
    """What came of each input, as they are done."""
    kinds.preload()
    left, running = iter(wanted), list[_Worker]()
    with contextlib.ExitStack() as stack:
        for number in range(processes):
            running.append(_Worker(stack.enter_context(memory.group(str(number)))))
            stack.callback(running[-1].end)
        busy = [each for each in running if each.take(next(left, None))]
        while busy:
            ready = wait([each.jobs for each in busy], _LOOK_S)
            for each in [*busy]:
                found = each.answer() if each.jobs in ready else each.overdue()
                if found is not None:
                    yield found
                    if not each.take(next(left, None)):
                        busy.remove(each)


class _Worker:
    """A process that tries inputs; another takes its place when it had to be killed."""

    def __init__(self, group: Path | None) -> None:
        self._group = group
        # Of the job, at the first look at it.
        self._cpu_s: float | None = None
        self._start()

    def _start(self) -> None:
        self.jobs, theirs = _fork.Pipe()
        self._process = _fork.Process(target=_serve, args=(theirs, self._group), daemon=False)
        self._process.start()
        theirs.close()

    def take(self, job: Job | None) -> bool:
        """Begin with the job; whether there is one."""
        if job is not None:
            self._job, self._began_s, self._cpu_s = job, time.monotonic(), None
            self._looked_s = self._began_s
            self.jobs.send(job)
        return job is not None

    def answer(self) -> Finding:
        """What it found, or that it died over it."""
        try:
            found: Finding = self.jobs.recv()
        except (EOFError, ConnectionError):
            return self._replaced(Outcome.DIED)
        return found

    def overdue(self) -> Finding | None:
        """That it is stuck, and has been killed; None as long as it has time."""
        now_s = time.monotonic()
        # A look goes through all processes of the machine: rare, and not for what is over at once.
        if now_s < self._looked_s + _LOOK_S:
            return None
        used_s, self._looked_s = self._used_s(), now_s
        if self._cpu_s is None:
            self._cpu_s = used_s
        if used_s - self._cpu_s < CPU_MAX_S and now_s - self._began_s < WALL_MAX_S:
            return None
        return self._replaced(Outcome.HANG)

    def end(self) -> None:
        """End it, and all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)
        # It has no group of its own before it came to run.
        self._process.kill()
        self._process.join()
        self.jobs.close()

    def _replaced(self, outcome: Outcome) -> Finding:
        kind, _, number = self._job
        self.end()
        found = Finding(kind, number, outcome, -1, "", time.monotonic() - self._began_s)
        self._start()
        return found

    def _used_s(self) -> float:
        """CPU seconds of it and of what it started."""
        total_s = 0.0
        with contextlib.suppress(psutil.Error):
            own = psutil.Process(self._pid)
            for each in (own, *own.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    used = each.cpu_times()
                    total_s += used.user + used.system + used.children_user + used.children_system
        return total_s

    @property
    def _pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid


def _serve(theirs: Connection, group: Path | None) -> None:
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    worker.serve(theirs, group)
