"""A board as a process: what it does with a scheduler that goes away, and what of Dask is left in it."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import psutil
import pytest

from colocate.errors import Interrupted
from colocate.fleet.block import Setup
from colocate.host.processes.signals import interruptible
from colocate.model.device import USUAL, Workers

pytest.importorskip("distributed")

from distributed import Client

from colocate.fleet import board as on_board
from colocate.fleet.board import Own
from tests.fleet import processes


def threads_on(pid: int) -> list[set[int]]:
    return [os.sched_getaffinity(int(thread.name)) for thread in Path(f"/proc/{pid}/task").iterdir()]


def test_every_thread_moves_to_the_housekeeping_cpu() -> None:
    former = os.sched_getaffinity(0)
    last = max(former)
    try:
        on_board._move_to((last,))
        assert all(found == {last} for found in threads_on(os.getpid()))
    finally:
        on_board._move_to(tuple(former))


def test_constants_of_a_board_are_its_own() -> None:
    setup = Setup("tx1-model", (("contention", 1.0),), USUAL)
    assert Own().over(setup) == setup
    assert dict(Own({"contention": 1.2}, "cuda:1").over(setup).model) == {"contention": 1.2}


def test_a_part_of_a_server_has_its_own_device() -> None:
    setup = Setup("host", (), Workers(python="python3", device="cuda:0"))
    assert Own().over(setup) == setup
    own = Own({"contention": 1.2}, "cuda:1")
    assert own.over(setup) == Setup("host", (), Workers(python="python3", device="cuda:1"))


def test_a_board_serves_whichever_scheduler_is_there_until_a_signal(tmp_path: Path) -> None:
    with processes.scheduler(tmp_path) as first:
        port = first.address.rpartition(":")[2]
        process = processes.board(first.address, "b1", tmp_path)
        with processes.ended(process):
            processes.serves(tmp_path, "b1")
            with Client(first.address, set_as_default=False) as client:
                (worker,) = client.scheduler_info(n_workers=-1)["workers"].values()
            assert (worker["name"], worker["nthreads"], worker["resources"]) == ("b1", 1, {"board": 1.0})
            assert len(psutil.Process(process.pid).children()) == 0, "no nanny, and nothing measures yet"
            log = tmp_path / "b1.log"
            # The scheduler goes away, and another one comes at the same place.
            first.process.kill()
            processes.until(lambda: "is gone; trying again" in log.read_text(), "the board to notice")
            again = tmp_path / "again"
            again.mkdir()
            with processes.scheduler(again, "--port", port):
                processes.until(lambda: log.read_text().count("Board b1 serves") == 2, "the board to come back")
                process.send_signal(signal.SIGTERM)
                assert process.wait(processes.PATIENCE_S) == 143


def test_a_board_that_is_to_serve_once_ends_with_its_scheduler(tmp_path: Path) -> None:
    with processes.scheduler(tmp_path) as running:
        process = processes.board(running.address, "b1", tmp_path, "--once")
        processes.serves(tmp_path, "b1")
    with processes.ended(process):
        assert process.wait(processes.PATIENCE_S) == 0


def test_what_does_not_end_when_cancelled_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[asyncio.Task[None]] = []
    ended: list[str] = []

    async def waits(name: str, *, stubborn: bool) -> None:
        while True:
            try:
                await asyncio.sleep(600)
            except asyncio.CancelledError:
                if not stubborn:
                    ended.append(name)
                    raise

    async def served() -> None:
        started.extend(asyncio.create_task(waits(name, stubborn=name == "b")) for name in "abc")
        await asyncio.sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr(on_board, "_CLOSE_S", 0.1)
    with pytest.raises(KeyboardInterrupt):
        on_board._run(served())
    assert sorted(ended) == ["a", "c"]
    assert [task.done() for task in started] == [True, False, True]


@pytest.mark.usefixtures("forgotten_interruption")
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_cancels_what_serves_and_is_then_heard_as_ever(signum: signal.Signals) -> None:
    steps: list[str] = []

    async def served() -> None:
        try:
            os.kill(os.getpid(), signum)
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            steps.append("cancelled")
            # Another signal changes nothing.
            os.kill(os.getpid(), signum)
            await asyncio.sleep(0.01)
            steps.append("closed")
            raise

    with pytest.raises(Interrupted) as caught, interruptible():
        before = signal.getsignal(signum)
        try:
            on_board._run(served())
        finally:
            steps.append("as before" if signal.getsignal(signum) in (before, signal.SIG_IGN) else "changed")
    assert caught.value.exit_code == 128 + signum
    assert steps == ["cancelled", "closed", "as before"]


def test_an_ignored_signal_stays_ignored() -> None:
    async def served() -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.01)

    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        on_board._run(served())
    finally:
        signal.signal(signal.SIGHUP, former)
