"""A board as a process: what it does with a scheduler that goes away, and what of Dask is left in it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest

from colocate.fleet.block import Setup
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
