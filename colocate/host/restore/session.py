"""Clocks that a sweep may set, and that are restored however it ends."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from colocate.errors import HostError, Interrupted
from colocate.host.clocks.domain import Domain
from colocate.host.clocks.find import Clocks
from colocate.host.restore import journal
from colocate.host.restore.knobs import put_back
from colocate.host.sysfs import Sysfs

# A slow board on a slow disk needs a second; one that needs this long cannot run it.
_UP_TIMEOUT_S = 120.0
_END_TIMEOUT_S = 5.0
# Isolated and without `site` it starts in half the time; the import path is handed over instead.
_ABOVE_COLOCATE = Path(__file__).parents[3]
_WATCHDOG = [
    *(sys.executable, "-I", "-S", "-c"),
    "import sys; n = int(sys.argv[4]); sys.path += sys.argv[5:5 + n]; "
    "from colocate.host.restore.watchdog import main; main(*sys.argv[1:4])",
]


class Watchdog:
    """The process of `watchdog.py`. It restores the journal of `token` when this process ends or leaves the block.

    It runs in a session of its own, so that neither Ctrl-C nor the terminal's end reaches it.
    """

    def __init__(self, sysfs: Sysfs, folder: Path, token: str) -> None:
        path = [str(_ABOVE_COLOCATE), *filter(os.path.isabs, sys.path)]
        self._folder = folder
        self._command = [*_WATCHDOG, str(sysfs.root), str(folder.absolute()), token, str(len(path)), *path]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Watchdog:
        try:
            self._start()
        except BaseException:
            self._end(signal.SIGCONT)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None = None, *_: object) -> None:
        if kind in (None, Interrupted) and not journal.is_left(self._folder):
            # Everything is restored, so the watchdog has nothing to do.
            self._end(signal.SIGKILL)
        else:
            # A watchdog that somebody has stopped must go on to see the end of its input.
            self._end(signal.SIGCONT)

    def _end(self, signum: signal.Signals) -> None:
        if (process := self._process) is None:
            return
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        process.stdout.close()
        process.send_signal(signum)
        # One that is stuck in the kernel is left to end by itself.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_END_TIMEOUT_S)

    def check(self) -> None:
        """Make sure that the watchdog can act: resume it if it was stopped, and start another one if it has ended.

        Raises HostError if that does not start.
        """
        assert self._process is not None, "it is checked inside the block"
        look = os.WEXITED | os.WSTOPPED | os.WNOHANG | os.WNOWAIT
        found = os.waitid(os.P_PID, self._process.pid, look)
        if found is None:
            return
        if found.si_code == os.CLD_STOPPED:
            self._process.send_signal(signal.SIGCONT)
        else:
            self._end(signal.SIGCONT)
            self._start()

    def _start(self) -> None:
        try:
            self._process = process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,
            )
            assert process.stdout is not None
            readable, _, _ = select.select([process.stdout], [], [], _UP_TIMEOUT_S)
            up = bool(readable) and process.stdout.readline() == b"up\n"
        except OSError as error:
            raise HostError(f"the watchdog that puts clocks back cannot be started: {error.strerror}") from error
        if not up:
            raise HostError("the watchdog that puts clocks back did not start, so none are set")


class Pins:
    """The clock domains that a session may set, each with its values at the beginning."""

    def __init__(
        self, domains: Mapping[str, Domain], captured: Mapping[str, Mapping[str, str]], watchdog: Watchdog
    ) -> None:
        self._domains = domains
        self._captured = captured
        self._watchdog = watchdog

    def check(self) -> None:
        """Make sure that the watchdog would restore the clocks if this process died. Raises HostError if it cannot
        start.
        """
        self._watchdog.check()

    def set(self, cpu_hz: int | None = None, gpu_hz: int | None = None, emc_hz: int | None = None) -> None:
        """Pin each clock to this frequency in Hz; None restores what it was found at.

        Raises KnobError for a clock that did not reach it, RestoreError for one that was not restored, and HostError
        for one that the session does not hold.
        """
        self.check()
        for name, hz in (("cpu", cpu_hz), ("gpu", gpu_hz), ("emc", emc_hz)):
            domain = self._domains.get(name)
            if domain is None:
                if hz is not None:
                    raise HostError(f"the {name} clock is not held by this session")
            elif hz is None:
                domain.release(self._captured[name])
            else:
                domain.pin(hz)


@contextlib.contextmanager
def held(clocks: Clocks, wanted: Collection[str], folder: Path, sysfs: Sysfs) -> Iterator[Pins]:
    """Yield the right to pin the domains `wanted` (of `cpu`, `gpu`, `emc`); afterwards every knob is restored.

    If `wanted` is empty, nothing is written to the machine or to `folder`. Even then the watchdog runs, for the
    cpusets that a killed sweep would leave. Raises HostError for a clock that this machine or process cannot set, for
    the journal of an unfinished session, and if another process holds the lock. Raises RestoreError, and keeps the
    journal, if a knob stays different at the end.
    """
    domains = {name: _settable(clocks, name) for name in wanted}
    token = os.urandom(8).hex()
    # The watchdog is outermost: it is up before the first write, and should the way out itself be interrupted,
    # leaving this block frees the lock, lets the watchdog put the knobs back, and waits until it has.
    with Watchdog(sysfs, folder, token) as watchdog:
        if domains:
            with _journalled(domains, folder, sysfs, token, watchdog) as pins:
                yield pins
        else:
            if journal.read(sysfs, folder) is not None:
                with journal.locked(folder):
                    _refuse_unrestored(sysfs, folder)
            yield Pins({}, {}, watchdog)


@contextlib.contextmanager
def _journalled(
    domains: Mapping[str, Domain], folder: Path, sysfs: Sysfs, token: str, watchdog: Watchdog
) -> Iterator[Pins]:
    with journal.locked(folder):
        _refuse_unrestored(sysfs, folder)
        captured = {name: domain.capture() for name, domain in domains.items()}
        everything = {knob: value for knobs in captured.values() for knob, value in knobs.items()}
        journal.write(folder, journal.Journal(token, journal.boot_id(sysfs), everything))
        try:
            yield Pins(domains, captured, watchdog)
        finally:
            put_back(sysfs, everything)
            journal.remove(folder)


def _refuse_unrestored(sysfs: Sysfs, folder: Path) -> None:
    if journal.read(sysfs, folder) is not None:
        raise HostError("an earlier sweep left knobs changed; put them back: python -m colocate restore")


def _settable(clocks: Clocks, name: str) -> Domain:
    domain = clocks.domain(name)
    if domain is None or not domain.steps_hz:
        raise HostError(f"the {name} clock cannot be set on this machine; leave it native")
    return domain
