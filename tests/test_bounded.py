"""Work in a child with limits: its answer and its errors come back, and what it must not do ends it alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from colocate.bounded import bounded
from colocate.errors import HostError, SpecError

ROOT = Path(__file__).parent.parent


def test_the_answer_comes_back_whatever_its_size() -> None:
    assert bounded(lambda: b"x" * 5_000_000, "it") == b"x" * 5_000_000
    assert bounded(os.getpid, "it") != os.getpid()


def test_an_error_of_ours_comes_back_as_itself() -> None:
    def fail() -> None:
        raise HostError("no disk")

    with pytest.raises(HostError, match="no disk"):
        bounded(fail, "it")


def test_an_error_comes_back_without_what_led_to_it() -> None:
    # It teaches pickle to take tracebacks along.
    pytest.importorskip("distributed")

    def deeper() -> None:
        deeper()

    def work() -> None:
        try:
            deeper()
        except RecursionError as error:
            raise SpecError("too deep") from error

    with pytest.raises(SpecError, match=r"^too deep$") as caught:
        bounded(work, "it")
    assert caught.value.__cause__ is None


def spin() -> None:
    while True:
        pass


def fill() -> None:
    held = [bytearray(1 << 20)]
    while True:
        held.append(bytearray(1 << 20))


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def fail() -> None:
    os.write(2, b"what C code says\n")
    raise ValueError("a defect")


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (spin, "m.onnx takes more than 1 s of CPU time to read; make it smaller or simpler"),
        (fill, "m.onnx takes more than 64 MiB of memory to read; make it smaller or simpler"),
        (crash, r"m.onnx ends its reader \(signal 11\): it said nothing"),
        (fail, r"m.onnx ends its reader \(exit status 1\): ValueError: a defect"),
    ],
)
def test_what_it_must_not_do_is_one_line(
    work: Callable[[], None], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SpecError, match=said):
        bounded(work, "m.onnx", memory_bytes=64 << 20, cpu_s=1)
    assert capfd.readouterr() == ("", "")


def test_one_that_waits_for_ever_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("colocate.bounded._PATIENCE", 0.5)
    with pytest.raises(SpecError, match=r"it is not read within 0\.5 s: its disk gives no answer"):
        bounded(signal.pause, "it", cpu_s=1)


def test_limits_grow_with_the_file() -> None:
    assert bounded(lambda: len(bytearray(90 << 20)), "it", 16 << 20, memory_bytes=16 << 20) == 90 << 20


def test_nothing_is_left_open() -> None:
    before = os.listdir("/proc/self/fd")  # noqa: PTH208 - by the same call
    bounded(lambda: 1, "it")
    with pytest.raises(SpecError):
        bounded(crash, "it")
    assert len(os.listdir("/proc/self/fd")) == len(before)  # noqa: PTH208


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_ends_it_and_its_child(tmp_path: Path, signum: int) -> None:
    """Also where the child is in C code: the pattern is searched for ever, in one call."""
    code = f"""
import os, re, pathlib
from colocate.bounded import bounded
from colocate.cli import run
from colocate.host.processes.signals import interruptible
def search():
    pathlib.Path({str(tmp_path / "pid")!r}).write_text(str(os.getpid()))
    re.match("(a+)+b", "a" * 100)
with interruptible():
    bounded(search, "it", cpu_s=600)
"""
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.DEVNULL)
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert process.poll() is None
        time.sleep(0.01)
    pid = int((tmp_path / "pid").read_text())
    process.send_signal(signum)
    assert process.wait(60) != 0
    deadline_s = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
