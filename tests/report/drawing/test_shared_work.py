"""Work shared by processes: what it returns, its errors, and its end."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from functools import partial

import psutil
import pytest

from colocate.report.drawing.shared_work import SharedWork


@pytest.fixture(autouse=True)
def _three_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("colocate.report.drawing.shared_work.os.sched_getaffinity", lambda _: {0, 1, 2})


def test_results_have_the_order_of_their_works() -> None:
    sizes = (1 << 20, 0, 1, 2, 3, 1 << 18)
    with contextlib.closing(SharedWork([partial(bytes, size) for size in sizes])) as shared:
        assert [len(result) for result in shared.results()] == [*sizes]


def test_processes_work_at_the_same_time_and_this_is_one_of_them() -> None:
    one, other = os.pipe(), os.pipe()

    def meets(own: int, others: int) -> tuple[bool, int]:
        os.write(own, b"here")
        return bool(select.select([others], [], [], 60)[0]), os.getpid()

    works = [partial(meets, one[1], other[0]), partial(meets, other[1], one[0])]
    with contextlib.closing(SharedWork(works)) as shared:
        (first_met, first), (second_met, second) = shared.results()
    assert first_met and second_met
    assert os.getpid() in (first, second) and first != second
    for descriptor in (*one, *other):
        os.close(descriptor)


def test_no_work_has_no_result() -> None:
    with contextlib.closing(SharedWork[int]([])) as shared:
        assert shared.results() == []


def test_an_error_is_raised_here() -> None:
    def fails() -> bytes:
        raise OSError("no space")

    with contextlib.closing(SharedWork([fails] * 3)) as shared, pytest.raises(OSError, match="no space"):
        shared.results()


def test_work_of_a_process_that_was_killed_is_done_here() -> None:
    here = os.getpid()

    def dies(number: int) -> int:
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    with contextlib.closing(SharedWork([partial(dies, number) for number in range(3)])) as shared:
        assert shared.results() == [0, 1, 2]


def test_work_that_nobody_waits_for_is_ended() -> None:
    # Other tests of this process may have a browser.
    before = set(psutil.Process().children())
    shared = SharedWork([partial(time.sleep, 600)] * 3)
    workers = set(psutil.Process().children()) - before
    assert len(workers) == 2
    shared.close()
    shared.close()
    assert not any(worker.is_running() for worker in workers)
