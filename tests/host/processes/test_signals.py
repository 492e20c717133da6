from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from colocate.errors import HostError, Interrupted
from colocate.host.processes.signals import (
    _LOOK_S,
    STOPPING,
    UnbrokenExit,
    deferred,
    interruptible,
    undisguised,
)

# Ends itself while a module in C is at `import_array()`, which asks for this attribute.
SIGNALLED = """
import os, signal, sys
from colocate.errors import Interrupted
from colocate.host.processes.signals import interruptible, undisguised

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "numpy.linalg._umath_linalg":
            import numpy._core._multiarray_umath
            del sys.modules["numpy._core._multiarray_umath"]
            sys.meta_path[0] = Signaller()

class Signaller:
    def find_spec(self, name, path=None, target=None):
        if name == "numpy._core._multiarray_umath":
            os.kill(os.getpid(), signal.SIGTERM)

sys.meta_path.insert(0, Finder())
try:
    with interruptible(), undisguised():
        import numpy
except Interrupted as interruption:
    sys.exit(interruption.exit_code)
"""


pytestmark = pytest.mark.usefixtures("forgotten_interruption")


@pytest.mark.parametrize("signum", STOPPING)
def test_a_stopping_signal_is_one_exception(signum: int) -> None:
    with pytest.raises(Interrupted) as caught, interruptible():
        os.kill(os.getpid(), signum)
    assert caught.value.exit_code == 128 + signum
    os.kill(os.getpid(), signum)  # ignored: the process is on its way out


def test_what_was_swallowed_last_is_raised_again_at_the_end() -> None:
    # As a module in C does whose import goes on without what it asked for.
    with pytest.raises(Interrupted), interruptible(), contextlib.suppress(BaseException):
        os.kill(os.getpid(), signal.SIGTERM)


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


def disguised(error: Exception, cause: bool = True) -> None:
    """A signal, and the error that a module makes of it."""
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        signal.sigtimedwait((), 1)
    except Interrupted as interruption:
        error.__context__ = error.__cause__ = interruption if cause else None
    raise error


@pytest.mark.parametrize("cause", [True, False])
def test_an_interruption_that_comes_out_as_another_error_is_itself(cause: bool) -> None:
    with pytest.raises(Interrupted) as raised, interruptible(), undisguised():
        disguised(ImportError("initialization failed"), cause)
    assert raised.value.exit_code == 128 + signal.SIGTERM


def test_an_interruption_while_numpy_is_imported_says_nothing_but_how_to_go_on(tmp_path: Path) -> None:
    # NumPy's modules in C print whatever goes wrong while they import its core, and raise an error of their own.
    (tmp_path / "numpy_signalled.py").write_text(SIGNALLED)
    done = subprocess.run([sys.executable, tmp_path / "numpy_signalled.py"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (128 + signal.SIGTERM, "")


def test_other_errors_that_are_printed_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with interruptible():
        sys.excepthook(ValueError, ValueError("no such module"), None)
    assert "ValueError: no such module" in capsys.readouterr().err


def test_an_error_of_the_projects_own_on_the_way_out_stays() -> None:
    with pytest.raises(HostError), interruptible(), undisguised():
        disguised(HostError("the clock could not be put back"))


def test_an_error_without_a_signal_stays() -> None:
    with pytest.raises(ImportError, match="no such module"), interruptible(), undisguised():
        raise ImportError("no such module")


def test_a_signal_waits_until_all_that_was_entered_is_left() -> None:
    left = list[str]()

    def leave(name: str) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        left.append(name)

    with pytest.raises(Interrupted), interruptible(), UnbrokenExit() as stack:
        stack.callback(leave, "outer")
        stack.callback(leave, "inner")
    assert left == ["inner", "outer"]


def test_what_leaves_the_stack_hears_of_the_error() -> None:
    heard = list[BaseException | None]()
    with pytest.raises(HostError, match="first") as caught, UnbrokenExit() as stack:
        stack.push(lambda kind, error, traceback: heard.append(error))
        raise HostError("first")
    assert heard == [caught.value]


def test_what_python_itself_drops_is_raised_again() -> None:
    """As in the callback of a weak reference, of which each import has one."""

    class Dropped:
        def __del__(self) -> None:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0)

    with pytest.raises(Interrupted, match="SIGTERM"), interruptible():
        Dropped()
        # Long enough, whatever else the machine does.
        time.sleep(600)
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL


def test_whoever_swallows_it_hears_it_again() -> None:
    with pytest.raises(Interrupted, match="SIGTERM"), interruptible():
        for _ in range(3):
            # As a module in C does that takes whatever goes wrong for a no.
            with contextlib.suppress(BaseException):
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(600)
        time.sleep(600)


@pytest.mark.parametrize("error", [None, HostError("it cannot be put back")])
def test_what_takes_its_time_on_the_way_out_is_left_alone(error: HostError | None) -> None:
    """However often it is looked meanwhile."""

    @contextlib.contextmanager
    def held() -> Iterator[None]:
        try:
            yield
        finally:
            looked_at.append(slept())
            if error is not None:
                raise error

    def slept() -> bool:
        ends_s = time.monotonic() + 5 * _LOOK_S
        while time.monotonic() < ends_s:
            time.sleep(_LOOK_S / 10)
        return True

    looked_at: list[bool] = []
    with pytest.raises(Interrupted if error is None else HostError), interruptible():
        try:
            with held():
                os.kill(os.getpid(), signal.SIGTERM)
        finally:
            looked_at.append(slept())
    assert looked_at == [True, True]


def test_what_else_python_drops_is_shown() -> None:
    class Failing:
        def __del__(self) -> None:
            raise ValueError("mine")

    shown: list[object] = []
    former, sys.unraisablehook = sys.unraisablehook, lambda lost: shown.append(lost.exc_type)
    try:
        with interruptible():
            Failing()
    finally:
        sys.unraisablehook = former
    assert shown == [ValueError]
