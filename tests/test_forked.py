"""A forked child: its bytes, how it ended, and that nothing of it stays."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from colocate.errors import Interrupted
from colocate.forked import Forked, Meanwhile
from colocate.host.processes.signals import interruptible

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("size", [0, 1, 1 << 20])
def test_the_bytes_are_those_of_the_work_as_it_stood(size: int) -> None:
    said = [b"a" * size]
    with contextlib.closing(Forked(lambda: said[0])) as child:
        said[0] = b"later"
        assert child.read() == b"a" * size
        assert child.fate() == 0


def test_parts_of_it_are_there_before_the_work_is_over() -> None:
    go_on, says = map(os.fdopen, os.pipe(), ("rb", "wb"))

    def counts() -> Iterator[bytes]:
        yield b"one"
        yield go_on.read(3)

    with go_on, contextlib.closing(Forked(counts)) as child:
        assert child.said.read(3) == b"one"
        with says:
            says.write(b"two")
        assert (child.read(), child.fate()) == (b"two", 0)


def ended(status: object) -> bytes:
    raise SystemExit(status)


@pytest.mark.parametrize(("status", "fate"), [(0, 0), (7, 7), ("words", 1)])
def test_the_work_may_end_it_with_a_status(status: object, fate: int) -> None:
    with contextlib.closing(Forked(lambda: ended(status))) as child:
        assert (child.read(), child.fate()) == (b"", fate)


def test_an_error_and_a_signal_are_known_by_its_fate(capfd: pytest.CaptureFixture[str]) -> None:
    def fails() -> bytes:
        raise ValueError("a defect")

    def dies() -> bytes:
        os.kill(os.getpid(), signal.SIGKILL)
        return b""

    with contextlib.closing(Forked(fails)) as child:
        assert child.fate() == 1
    with contextlib.closing(Forked(dies)) as child:
        assert child.fate() == -signal.SIGKILL
    assert capfd.readouterr() == ("", "")


def waits() -> bytes:
    signal.pause()
    return b""


def test_one_that_nobody_waits_for_is_ended() -> None:
    before = os.listdir("/proc/self/fd")  # noqa: PTH208 - by the same call
    child = Forked(waits)
    pid = child._pid
    assert pid is not None
    child.close()
    child.close()
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    assert len(os.listdir("/proc/self/fd")) == len(before)  # noqa: PTH208


@pytest.mark.usefixtures("forgotten_interruption")
def test_a_signal_while_it_is_started_ends_it_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    before, started, fork = os.listdir("/proc/self/fd"), list[int](), os.fork  # noqa: PTH208

    def met_by_a_signal() -> int:
        if pid := fork():
            started.append(pid)
            # It waits until the child is on its way.
            os.kill(os.getpid(), signal.SIGTERM)
        return pid

    monkeypatch.setattr(os, "fork", met_by_a_signal)
    with pytest.raises(Interrupted), interruptible():
        Forked(waits)
    with pytest.raises(ChildProcessError):
        os.waitpid(started[0], os.WNOHANG)
    assert len(os.listdir("/proc/self/fd")) == len(before)  # noqa: PTH208


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_whatever_its_parent_does_with_it(signum: int) -> None:
    former = signal.signal(signum, signal.SIG_IGN)
    try:
        with contextlib.closing(Forked(waits)) as child:
            pid = child._pid
            assert pid is not None
            while signal_ignored(pid, signum):
                time.sleep(0.001)
            os.kill(pid, signum)
            assert child.fate() == -signum
    finally:
        signal.signal(signum, former)


def signal_ignored(pid: int, signum: int) -> bool:
    """Whether the process still ignores the signal, as its parent does."""
    status = Path(f"/proc/{pid}/status").read_text()
    (ignored,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigIgn"))
    return bool(int(ignored, 16) >> (signum - 1) & 1)


class Waits:
    """Its end waits for a thread that a child does not have."""

    def __init__(self) -> None:
        self.itself = self
        self._parent = os.getpid()

    def __del__(self) -> None:
        while os.getpid() != self._parent:
            signal.pause()


@pytest.mark.parametrize("collected", [True, False])
def test_what_the_parent_left_unused_is_not_destroyed_in_the_child(collected: bool) -> None:
    """Neither by a collection of the work's own, nor by one that is due at the moment of the fork."""
    thresholds = gc.get_threshold()
    try:
        gc.disable()
        Waits()
        gc.set_threshold(1, 1, 1)
        if collected:
            gc.enable()
        with contextlib.closing(Forked(lambda: bytes(gc.collect() * 0))) as child:
            assert gc.isenabled() == collected
            assert child.fate() == 0
    finally:
        gc.set_threshold(*thresholds)
        gc.enable()
        gc.collect()


def test_it_ends_with_its_parent() -> None:
    code = """
import os, signal
from colocate.errors import Interrupted
from colocate.forked import Forked, Meanwhile
from colocate.host.processes.signals import interruptible
child = Forked(lambda: bytes(signal.pause() or 0))
print(child._pid, flush=True)
signal.pause()
"""
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    deadline_s = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_what_a_child_works_out_meanwhile_is_known_when_it_is_wanted() -> None:
    with contextlib.closing(Meanwhile(lambda: {"process": os.getpid()})) as found:
        assert found.result()["process"] != os.getpid()


def test_what_the_child_cannot_work_out_is_worked_out_here_and_so_errors_show() -> None:
    here = os.getpid()

    def dies() -> int:
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return here

    def fails() -> int:
        raise ValueError("a defect")

    with contextlib.closing(Meanwhile(dies)) as found:
        assert found.result() == here
    with contextlib.closing(Meanwhile(fails)) as found, pytest.raises(ValueError, match="a defect"):
        found.result()
