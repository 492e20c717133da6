"""Work in another process: its bytes, its errors, and its end."""

from __future__ import annotations

import os
import signal
import time

import psutil
import pytest

from colocate.report.drawing.aside import Aside


@pytest.mark.parametrize("size", [0, 1, 1 << 20])
def test_the_bytes_are_those_of_the_work_as_it_stood(size: int) -> None:
    said = [b"a" * size]
    aside = Aside(lambda: said[0])
    said[0] = b"later"
    assert aside.result() == b"a" * size
    aside.close()


def test_another_process_does_it() -> None:
    assert int(Aside(lambda: str(os.getpid()).encode()).result()) != os.getpid()


def test_an_error_is_raised_here() -> None:
    def fails() -> bytes:
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        Aside(fails).result()


def test_work_that_was_killed_is_done_here() -> None:
    parent = os.getpid()

    def dies() -> bytes:
        if os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return b"done"

    assert Aside(dies).result() == b"done"


def test_work_that_nobody_waits_for_is_ended() -> None:
    def hangs() -> bytes:
        time.sleep(600)
        return b""

    # Other tests of this process may have a browser.
    before = set(psutil.Process().children())
    aside = Aside(hangs)
    (worker,) = set(psutil.Process().children()) - before
    aside.close()
    aside.close()
    assert not worker.is_running()
