"""A folder whose owner swaps it, and all that lies in it, under root's hands: nothing outside of it changes.

`COLOCATE_SWAPS=1000 python -m pytest tests/test_swapped_folder.py` is the long run.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import shutil
import signal
import stat
import struct
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from colocate.cli import run
from colocate.errors import Interrupted
from colocate.files import Keeper
from colocate.model.trial import Trial, TrialRecord
from colocate.rigs.tx1.rig import Tx1Rig

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be led where its owner may not go")
SWAPS = int(os.environ.get("COLOCATE_SWAPS", "40"))
MALLORY = 65534
STUDY = [
    "--rig", "tx1-model", "--networks", "alexnet", "--stressors", "bitcount", "--repeats", "2", "--design", "steady",
    "--cpu-clocks", "high", "--gpu-clocks", "high", "--window", "0.3", "--quiet",
]  # fmt: skip
# What a run and its report write, and what SQLite puts beside.
NAMES = [
    "run.sqlite", "run.sqlite-wal", "run.sqlite-shm", "run.sqlite-journal", "run.sqlite.partial", "cells.csv",
    "report.html", "validation.csv", "constants.csv", "figures/distributions.png", "figures/heatmap-power.svg",
]  # fmt: skip
_IN_CREATE_MOVE_OPEN = 0x100 | 0xC0 | 0x20 | 0x8


def state(folder: Path) -> dict[str, tuple[object, ...]]:
    """All that can be told of a tree from outside."""
    found: dict[str, tuple[object, ...]] = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        seen = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(seen.st_mode) else b""
        found[str(path)] = (seen.st_ino, seen.st_mode, seen.st_uid, seen.st_mtime_ns, content)
    return found


class Mallory:
    """A process of the folder's owner that swaps something each time that something happens in the folder."""

    def __init__(self, folder: Path, outside: Path, seed: int) -> None:
        self._folder, self._outside = folder, outside
        self._random = random.Random(seed)
        self._count, self._counted = os.pipe()
        self._libc = ctypes.CDLL(None)
        # Whatever is imported later this user may not be able to read.
        self._moves: list[Callable[[], None]] = [self._swap_folder, self._swap_file, self._swap_file, self._empty]
        self._pid = os.fork()
        if self._pid == 0:
            with contextlib.suppress(BaseException):
                self._live()
            os._exit(0)
        os.set_blocking(self._count, False)

    def end(self) -> int:
        """How often it swapped something."""
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._counted)
        swaps = self.swaps()
        os.close(self._count)
        return swaps

    def swaps(self) -> int:
        """How often it did so since the last time that this was asked."""
        total = 0
        with contextlib.suppress(BlockingIOError):
            while read := os.read(self._count, 1 << 16):
                total += len(read)
        return total

    def _live(self) -> None:
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, signal.SIG_DFL)
        self._libc.prctl(1, signal.SIGKILL)
        os.setgroups([])
        os.setresgid(*3 * (MALLORY,))
        os.setresuid(*3 * (MALLORY,))
        while True:
            self._await_event()
            time.sleep(self._random.choice([0, 0, 1e-4, 1e-3]))
            with contextlib.suppress(OSError):
                self._random.choice(self._moves)()
                os.write(self._counted, b".")

    def _await_event(self) -> None:
        events = self._libc.inotify_init1(os.O_NONBLOCK)
        for watched in (self._folder.parent, self._folder, self._folder / "figures"):
            self._libc.inotify_add_watch(events, bytes(watched), _IN_CREATE_MOVE_OPEN)
        deadline_s = time.monotonic() + 0.05
        while time.monotonic() < deadline_s:
            with contextlib.suppress(BlockingIOError):
                if struct.unpack_from("iI", os.read(events, 4096)):
                    break
        os.close(events)

    def _swap_folder(self) -> None:
        away = self._folder.with_name("away")
        self._folder.rename(away)
        try:
            self._folder.symlink_to(self._outside)
            time.sleep(self._random.choice([0, 1e-3, 1e-2]))
            self._folder.unlink()
        finally:
            away.rename(self._folder)

    def _swap_file(self) -> None:
        name = self._random.choice(NAMES)
        path = self._folder / name
        away = path.with_name(f"{path.name}.away")
        with contextlib.suppress(FileNotFoundError):
            path.rename(away)
        if self._random.random() < 0.2:
            os.mkfifo(path)
        else:
            path.symlink_to(self._outside / name)
        time.sleep(self._random.choice([0, 1e-3, 1e-2]))
        path.unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            away.rename(path)

    def _empty(self) -> None:
        away = self._folder.with_name("away")
        self._folder.rename(away)
        try:
            time.sleep(self._random.choice([0, 1e-3]))
            with contextlib.suppress(OSError):
                # What root has begun there goes with it.
                for path in self._folder.rglob("*"):
                    path.unlink()
                self._folder.rmdir()
        finally:
            away.rename(self._folder)


@pytest.fixture
def base(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    monkeypatch.delenv("SUDO_UID", raising=False)
    # Drawing takes seconds and no file.
    monkeypatch.setattr("colocate.report.drawing.saving._drawn", lambda pages: [(b"png", b"svg") for _ in pages()])
    yield made
    shutil.rmtree(made)


def cut_short(folder: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A run that was interrupted in its second trial."""
    measured = Tx1Rig.run

    def once(rig: Tx1Rig, trial: Trial) -> TrialRecord:
        monkeypatch.setattr(Tx1Rig, "run", interrupted)
        return measured(rig, trial)

    def interrupted(rig: Tx1Rig, trial: Trial) -> TrialRecord:
        raise Interrupted(signal.SIGINT)

    monkeypatch.setattr(Tx1Rig, "run", once)
    assert run(["sweep", *STUDY, "--out", str(folder)]) == 130
    monkeypatch.setattr(Tx1Rig, "run", measured)
    return (folder / "run.sqlite").read_bytes()


def begin_again(folder: Path, begun: bytes | None) -> None:
    """The folder as it was, without a run or with one that has begun; whatever happens to it meanwhile."""
    with contextlib.suppress(OSError):
        for name in NAMES[:5]:
            (folder / name).unlink(missing_ok=True)
        if begun is not None:
            (folder / "run.sqlite").write_bytes(begun)


@pytest.mark.parametrize("command", ["sweep", "report", "resume"])
def test_nothing_outside_changes(
    base: Path, command: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    outside, kept = base / "outside", base / "kept"
    assert run(["sweep", *STUDY, "--out", str(outside)]) == 0
    begun = None if command == "sweep" else (outside / "run.sqlite").read_bytes()
    if command == "resume":
        begun = cut_short(base / "cut short", monkeypatch)
    (outside / "run.sqlite-wal").write_bytes(b"bait")
    (outside / "run.sqlite-shm").write_bytes(b"bait")
    before = state(outside)
    folder = kept / "run"
    shutil.copytree(outside, folder, ignore=shutil.ignore_patterns("run.sqlite-*"))
    for path in [kept, *kept.rglob("*")]:
        os.chown(path, MALLORY, MALLORY)
    arguments = {
        "report": ["report", str(folder)],
        "resume": ["sweep", "--resume", "--trust", "--out", str(folder), "--quiet", "--repeats", "2"],
        "sweep": ["sweep", *STUDY, "--trust", "--out", str(folder)],
    }[command]
    calls, swaps, mallory = 0, 0, Mallory(folder, outside, seed=SWAPS)
    ends: Counter[int] = Counter()
    try:
        while swaps < SWAPS:
            Keeper(MALLORY, MALLORY).run(lambda: begin_again(folder, begun))
            ends[run(arguments)] += 1
            calls += 1
            swaps += mallory.swaps()
    finally:
        swaps += mallory.end()
        capfd.readouterr()
    with capfd.disabled():
        print(f"{command}: {swaps} swaps in {calls} calls, which ended with {dict(ends)}")
    assert set(ends) <= {0, 2, 3, 4}
    assert state(outside) == before
