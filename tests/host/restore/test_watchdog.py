"""The real watchdog process, against sweeps that are really killed; the machine is a tree of plain files."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from colocate.host.clocks.find import find_clocks
from colocate.host.restore.journal import restore
from colocate.host.restore.session import held
from colocate.host.restore.watchdog import main
from colocate.host.sysfs import Sysfs
from tests.host import boards
from tests.host.boards import Died, contents

REPOSITORY = Path(__file__).parents[3]
# On a busy machine; the watchdog promises two seconds.
PATIENCE_S = 60.0
# Pins one clock pair after another until it is killed; says so once the first is in force.
# Whenever it gets a line it sees that the watchdog can act.
CHECKED = """
import sys
from pathlib import Path
from colocate.host.clocks.find import find_clocks
from colocate.host.restore.session import held
from tests.host.boards import TX1, Kernel49, Pair
root, folder = map(Path, sys.argv[1:])
kernel = TX1.kernel(root, tuple(eval(sys.stdin.readline(), {"Pair": Pair})))
with held(find_clocks(kernel), ["cpu"], folder, kernel) as pins:
    pins.set(102_000_000)
    print("pinned", flush=True)
    for line in sys.stdin:
        pins.check()
        print("checked", flush=True)
"""
HOLDER = """
import itertools, sys
from pathlib import Path
from colocate.errors import Interrupted
from colocate.host.clocks.find import find_clocks
from colocate.host.processes.signals import interruptible
from colocate.host.restore.session import held
from tests.host.boards import TX1, Kernel49, Pair
root, folder = map(Path, sys.argv[1:])
kernel = TX1.kernel(root, tuple(eval(sys.stdin.readline(), {"Pair": Pair})))
clocks = find_clocks(kernel)
pairs = itertools.product(clocks.cpu.steps_hz, clocks.gpu.steps_hz)
try:
    with interruptible(), held(clocks, ["cpu", "gpu"], folder, kernel) as pins:
        for n, (cpu_hz, gpu_hz) in enumerate(itertools.cycle(pairs)):
            pins.set(cpu_hz, gpu_hz)
            if n == 0:
                print("pinned", flush=True)
except Interrupted as interruption:
    sys.exit(interruption.exit_code)
"""


class Board:
    """A TX1's tree in a folder, with the bytes it had at first."""

    def __init__(self, folder: Path) -> None:
        self.root, self.folder = folder / "root", folder / "state"
        self.pairs = boards.TX1.build(self.root).pairs
        self.before = contents(self.root)

    @contextlib.contextmanager
    def swept(self, code: str = HOLDER) -> Iterator[subprocess.Popen[str]]:
        """A process that is pinning clocks on this board; killed at the end at the latest."""
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(self.root), str(self.folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY,
        )  # fmt: skip
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(f"{self.pairs!r}\n")
            process.stdin.flush()
            assert process.stdout.readline() == "pinned\n"
            yield process
        finally:
            process.kill()
            process.communicate()

    def recovered(self) -> bool:
        """Whether it becomes as it was by itself."""
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            if contents(self.root) == self.before and not (self.folder / "journal").exists():
                return True
            time.sleep(0.005)
        return False


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path)


def watchdog_of(process: subprocess.Popen[str]) -> psutil.Process:
    (child,) = psutil.Process(process.pid).children()
    return child


def ended(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        deadline_s = time.monotonic() + PATIENCE_S
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline_s:
            time.sleep(0.005)
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    return True


def test_clocks_come_back_by_themselves(board: Board) -> None:
    with board.swept() as sweep:
        watchdog = watchdog_of(sweep)
        assert (board.folder / "journal").exists()
        sweep.kill()
        assert board.recovered()
    assert ended(watchdog)


def test_killed_at_any_moment_clocks_come_back(board: Board) -> None:
    moments = random.Random(0)
    for _ in range(20):
        with board.swept() as sweep:
            time.sleep(moments.uniform(0.0, 0.05))
            sweep.kill()
            assert board.recovered()


def test_with_the_watchdog_dead_too_restore_repairs(board: Board) -> None:
    moments = random.Random(1)
    for _ in range(5):
        with board.swept() as sweep:
            time.sleep(moments.uniform(0.0, 0.05))
            watchdog_of(sweep).kill()
            sweep.kill()
            sweep.wait()
        assert restore(Sysfs(board.root), board.folder) is not None
        assert contents(board.root) == board.before
        assert restore(Sysfs(board.root), board.folder) is None


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stopped_sweep_is_done_when_it_ends(board: Board, signum: int) -> None:
    moments = random.Random(signum)
    for _ in range(4):
        with board.swept() as sweep:
            watchdog = watchdog_of(sweep)
            time.sleep(moments.uniform(0.0, 0.03))
            sweep.send_signal(signum)
            assert sweep.wait(PATIENCE_S) == 128 + signum
            assert contents(board.root) == board.before
            assert not (board.folder / "journal").exists()
        assert ended(watchdog)


def test_the_watchdog_outlives_what_ends_a_terminal(board: Board) -> None:
    with board.swept() as sweep:
        watchdog = watchdog_of(sweep)
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            watchdog.send_signal(signum)
        assert os.getsid(watchdog.pid) != os.getsid(sweep.pid)
        sweep.kill()
        assert board.recovered()


def checked(sweep: subprocess.Popen[str]) -> None:
    assert sweep.stdin is not None and sweep.stdout is not None
    sweep.stdin.write("check\n")
    sweep.stdin.flush()
    assert sweep.stdout.readline() == "checked\n"


def test_the_watchdog_of_root_outlasts_the_memory(board: Board) -> None:
    spare = "echo -1000 > /proc/self/oom_score_adj"
    if subprocess.run(["sh", "-c", spare], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        pytest.skip("only who has CAP_SYS_RESOURCE may be spared")
    with board.swept() as sweep:
        assert Path(f"/proc/{watchdog_of(sweep).pid}/oom_score_adj").read_text() == "-1000\n"


def test_another_takes_the_place_of_a_watchdog_that_died(board: Board) -> None:
    with board.swept(CHECKED) as sweep:
        first = watchdog_of(sweep)
        checked(sweep)
        assert watchdog_of(sweep) == first
        first.kill()
        assert ended(first)
        checked(sweep)
        second = watchdog_of(sweep)
        assert second != first
        sweep.kill()
        assert board.recovered()
    assert ended(second)


def test_a_watchdog_that_was_stopped_goes_on(board: Board) -> None:
    with board.swept(CHECKED) as sweep:
        watchdog = watchdog_of(sweep)
        watchdog.suspend()
        while watchdog.status() != psutil.STATUS_STOPPED:
            time.sleep(0.005)
        checked(sweep)
        assert watchdog_of(sweep) == watchdog
        sweep.kill()
        assert board.recovered()


def test_a_stopped_watchdog_does_not_hold_up_the_end(board: Board) -> None:
    with board.swept(CHECKED) as sweep:
        watchdog = watchdog_of(sweep)
        watchdog.suspend()
        assert sweep.stdin is not None
        sweep.stdin.close()
        assert sweep.wait(PATIENCE_S) == 0
        sweep.stdin = None
    assert ended(watchdog) and contents(board.root) == board.before


def test_a_watchdog_lives_on_with_a_bad_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []

    def break_down(*_: object, **__: object) -> None:
        steps.append("restore")
        raise RecursionError

    monkeypatch.setattr("colocate.host.restore.watchdog.restore", break_down)
    monkeypatch.setattr("colocate.host.restore.watchdog.remove_groups_of", lambda pid: steps.append(str(pid)))
    monkeypatch.setattr("colocate.host.restore.watchdog._outlast_memory", lambda: None)
    monkeypatch.setattr("colocate.host.restore.watchdog.signal.signal", lambda *_: None)
    monkeypatch.setattr("colocate.host.restore.watchdog.os.write", lambda *_: None)
    monkeypatch.setattr("colocate.host.restore.watchdog.os.read", lambda *_: b"")
    with pytest.raises(RecursionError):
        main(str(tmp_path), str(tmp_path), "token")
    assert steps == ["restore", str(os.getppid())]


def test_restore_beside_the_watchdog_agrees_with_it(board: Board) -> None:
    for _ in range(5):
        with board.swept() as sweep:
            sweep.kill()
            sweep.wait()
            restore(Sysfs(board.root), board.folder)
            assert contents(board.root) == board.before
            assert not (board.folder / "journal").exists()


def test_a_child_that_outlives_the_sweep_does_not_keep_the_watchdog_waiting(board: Board) -> None:
    holder = HOLDER.replace("print(", "import subprocess; subprocess.Popen(['sleep', '5']); print(")
    assert holder != HOLDER
    process = subprocess.Popen(
        [sys.executable, "-c", holder, str(board.root), str(board.folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(f"{board.pairs!r}\n")
    process.stdin.flush()
    process.stdout.readline()
    left = [child for child in psutil.Process(process.pid).children() if child.name() == "sleep"]
    process.kill()
    process.wait()
    try:
        assert left and board.recovered()
    finally:
        for child in left:
            child.kill()
        process.communicate()


def test_should_the_way_out_be_cut_short_the_watchdog_finishes_it(tmp_path: Path) -> None:
    kernel, folder = boards.TX1.build(tmp_path / "root"), tmp_path / "state"
    before = contents(kernel.root)
    with pytest.raises(Died), held(find_clocks(kernel), ["cpu"], folder, kernel) as pins:
        pins.set(cpu_hz=102_000_000)
        kernel.dies_at = len(kernel.writes) + 1
    assert contents(kernel.root) == before
    assert not (folder / "journal").exists()
