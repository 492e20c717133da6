from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from colocate.errors import HostError, Interrupted
from colocate.host.processes.signals import STOPPING, deferred, interruptible, undisguised


@pytest.fixture(autouse=True)
def handlers_come_back() -> Iterator[None]:
    former = {signum: signal.getsignal(signum) for signum in STOPPING}
    yield
    for signum, handler in former.items():
        signal.signal(signum, handler)


@pytest.mark.parametrize("signum", STOPPING)
def test_a_stopping_signal_is_one_exception(signum: int) -> None:
    with pytest.raises(Interrupted) as caught, interruptible():
        os.kill(os.getpid(), signum)
    assert caught.value.exit_code == 128 + signum
    os.kill(os.getpid(), signum)  # ignored: the process is on its way out


def test_without_a_signal_the_handlers_come_back() -> None:
    former = [signal.getsignal(signum) for signum in STOPPING]
    with interruptible():
        assert [signal.getsignal(signum) for signum in STOPPING] != former
    assert [signal.getsignal(signum) for signum in STOPPING] == former


def test_the_way_out_is_not_cut_short() -> None:
    steps = []
    with pytest.raises(Interrupted), interruptible():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            steps.append("put back")
    assert steps == ["put back"]


def test_a_signal_waits_until_things_are_put_back() -> None:
    steps = []
    with pytest.raises(Interrupted), interruptible(), deferred():
        os.kill(os.getpid(), signal.SIGTERM)
        with deferred():
            steps.append("first")
        steps.append("second")
    assert steps == ["first", "second"]


def test_an_ignored_signal_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with interruptible():
        os.kill(os.getpid(), signal.SIGHUP)


def disguised(error: Exception) -> None:
    """A signal, and the error that a module makes of it."""
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        signal.sigtimedwait((), 1)
    except Interrupted as interruption:
        raise error from interruption


def test_an_interruption_that_comes_out_as_another_error_is_itself() -> None:
    with pytest.raises(Interrupted) as raised, interruptible(), undisguised():
        disguised(ImportError("initialization failed"))
    assert raised.value.exit_code == 128 + signal.SIGTERM


def test_an_error_of_the_projects_own_on_the_way_out_stays() -> None:
    with pytest.raises(HostError), interruptible(), undisguised():
        disguised(HostError("the clock could not be put back"))


def test_an_error_without_a_signal_stays() -> None:
    with pytest.raises(ImportError, match="no such module"), undisguised():
        raise ImportError("no such module")
