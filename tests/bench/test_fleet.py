"""What a fleet costs: time per block, the speed-up of two boards, and what a board does to a window beside it.

Run with `-m bench -s` to see the numbers; they are in docs/fleet.md.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from colocate.model.fleet import Sharing
from colocate.model.request import ClockPoint, Inference
from colocate.model.trial import TrialRecord
from colocate.request.spec import Study, make_study
from colocate.rigs.registry import make_rig
from colocate.store.run_file import Run
from colocate.study.plan import placement
from colocate.study.stats import geometric_mean
from colocate.sweep import sweep
from tests.fleet import processes
from tests.observers import Silence
from tests.study.truth import trial

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.bench

BOARDS = int(os.environ.get("COLOCATE_FLEET_BOARDS", "100"))


def study(repeats: int, **keys: object) -> Study:
    return make_study({
        "rig": "tx1-model", "design": "steady", "networks": ["alexnet"], "stressors": ["bitcount", "jpeg"],
        "cpu_clocks": ["low", "mid", "high"], "gpu_clocks": ["low", "mid", "high"], "window": 0.5, "repeats": repeats,
        **keys,
    })  # fmt: skip


@dataclasses.dataclass
class Cost:
    blocks: int
    wall_s: float
    client_s: float
    scheduler_s: float
    stored_bytes: int
    trials: int


def run(running: processes.Running, of: Study, folder: Path, boards: int) -> Cost:
    """Run a study when so many boards are there; its cost, less what comes before the first block."""
    from colocate.fleet.client import Fleet

    class Timed(Silence):
        began_s = client_s = scheduler_s = 0.0

        def completes(self, narrowing: object) -> None:
            """How narrow intervals are takes the client's time, and no fleet's."""

        def enters(self, *stage: object) -> None:
            self.began_s, self.client_s, self.scheduler_s = time.perf_counter(), time.process_time(), used_s()

    def used_s() -> float:
        return float(sum(psutil.Process(running.process.pid).cpu_times()[:2]))

    observer = Timed()
    with distributed.Client(running.address, set_as_default=False) as client:
        client.wait_for_workers(boards, timeout=600)
        sweep(of, Fleet(client, of.spec, Sharing.SPREAD, print), folder, observer, resume=False)
        wall_s, client_s = time.perf_counter() - observer.began_s, time.process_time() - observer.client_s
        scheduler_s = used_s() - observer.scheduler_s
    with Run.read(folder) as read:
        blocks = {record.trial.block for record in read.records()}
    size = (folder / "run.sqlite").stat().st_size
    return Cost(len(blocks), wall_s, client_s, scheduler_s, size, len(observer.outcomes))


@contextlib.contextmanager
def many(running: processes.Running, folder: Path, *how: str) -> Iterator[None]:
    started = processes.started("-m", "tests.fleet.many_boards", *how, log=folder / "many.log")
    with processes.ended(started):
        log = folder / "many.log"
        processes.until(lambda: "started" in log.read_text(), f"boards: {log.read_text()}", 600)
        yield
        for child in psutil.Process(started.pid).children():
            child.kill()


def say(title: str, cost: Cost) -> None:
    spent_s = cost.wall_s, cost.client_s, cost.scheduler_s
    wall_ms, client_ms, scheduler_ms = (1e3 * seconds / cost.blocks for seconds in spent_s)
    print(
        f"\n{title}: {cost.blocks} blocks, {cost.trials} trials in {cost.wall_s:.1f} s: per block {wall_ms:.1f} ms "
        f"of wall time, {client_ms:.1f} ms of CPU in the client, {scheduler_ms:.1f} ms in the scheduler; "
        f"{cost.stored_bytes / cost.trials / 1e3:.1f} kB per trial; load {os.getloadavg()[0]:.1f}"
    )


def test_a_block_on_100_boards_costs_at_most_50_ms(tmp_path: Path) -> None:
    with (
        processes.scheduler(tmp_path, ttl_s=600) as running,
        many(running, tmp_path, "processes", running.address, str(BOARDS)),
    ):
        cost = run(running, study(int(os.environ.get("COLOCATE_FLEET_REPEATS", "60"))), tmp_path / "run", BOARDS)
    say(f"{BOARDS} processes", cost)
    assert (cost.client_s + cost.scheduler_s) / cost.blocks <= 0.05


def test_1000_boards_by_simulation(tmp_path: Path) -> None:
    with (
        processes.scheduler(tmp_path, ttl_s=600) as running,
        many(running, tmp_path, "simulated", running.address, "1000", "20"),
    ):
        cost = run(running, study(150), tmp_path / "run", 1000)
    say("1000 simulated boards, blocks of 20 s", cost)
    assert (cost.client_s + cost.scheduler_s) / cost.blocks <= 0.05


def test_two_boards_take_at_most_six_tenths_of_the_time_of_one(tmp_path: Path) -> None:
    walls = []
    for count in (1, 2):
        folder = tmp_path / str(count)
        folder.mkdir()
        with processes.scheduler(folder) as running:
            names = [f"b{number}" for number in range(count)]
            boards = [processes.sleeping_board(running.address, name, folder, 0.3) for name in names]
            with processes.ended(*boards):
                for name in names:
                    processes.serves(folder, name)
                walls.append(run(running, study(3), folder / "run", count).wall_s)
    one_s, two_s = walls
    print(f"\none board {one_s:.1f} s, two {two_s:.1f} s: {two_s / one_s:.3f}; load {os.getloadavg()[0]:.1f}")
    assert two_s <= 0.6 * one_s


def test_a_quiet_board_does_not_change_a_median(tmp_path: Path) -> None:
    """Windows with the Dask worker at work beside them, and stopped, by turns."""
    pairs, rig = int(os.environ.get("COLOCATE_PAIRS", "60")), make_rig("host")
    place = placement("isolated", None, rig.facts().cpus)
    own = dataclasses.replace(
        trial(inference=Inference("squeezenet1_1", "onnxruntime-cpu"), clocks=ClockPoint(), placement=place),
        warmup_s=0.1, settle_s=0.0, window_s=1.0,
    )  # fmt: skip
    ratios = []
    with processes.scheduler(tmp_path, ttl_s=3600) as running:
        board = processes.board(running.address, "b1", tmp_path)
        with processes.ended(board), rig.opened([own]):
            processes.serves(tmp_path, "b1")
            for thread in Path(f"/proc/{board.pid}/task").iterdir():
                os.sched_setaffinity(int(thread.name), place.housekeeping_cpus)
            for number in range(pairs):
                medians = {}
                # The order turns, so that what drifts cancels.
                for sign in (signal.SIGSTOP, signal.SIGCONT) if number % 2 else (signal.SIGCONT, signal.SIGSTOP):
                    board.send_signal(sign)
                    record: TrialRecord = rig.run(own)
                    medians[sign] = float(np.median(record.latencies_s))
                ratios.append(medians[signal.SIGCONT] / medians[signal.SIGSTOP])
            board.send_signal(signal.SIGCONT)
            before = psutil.Process(board.pid).num_ctx_switches(), psutil.Process(board.pid).cpu_times()
            time.sleep(10)
            after = psutil.Process(board.pid).num_ctx_switches(), psutil.Process(board.pid).cpu_times()
    found, middle = geometric_mean(np.array(ratios)), float(np.median(ratios))
    wakes, share = (sum(after[0]) - sum(before[0])) / 10, (sum(after[1][:2]) - sum(before[1][:2])) / 10
    print(
        f"\nmedian with the board over without: {found.value:.4f} [{found.lo:.4f}, {found.hi:.4f}], median of "
        f"{pairs} pairs {middle:.4f}; the board wakes {wakes:.1f} times a second and takes {100 * share:.2f} % of a "
        f"CPU; load {os.getloadavg()[0]:.1f}"
    )
    assert middle <= 1.002
