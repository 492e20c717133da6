"""Real threads of a real worker."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from colocate.errors import HostError
from colocate.host.cpus.cpuset import Seat
from colocate.host.processes import priority
from colocate.host.processes.child import Child
from colocate.host.processes.priority import check_fifo, fifo_missing, prioritised

CPUS = tuple(sorted(os.sched_getaffinity(0)))
# It polls: nothing of another class gets its CPU while it has priority.
SPINS = """
from cpu_workloads.contract import Control, serve
def spin(control):
    while not control.pending():
        pass
    return {}
control = Control()
serve(control, spin, {"listener": control.listener})
"""


@pytest.fixture
def spinning() -> Iterator[Child]:
    child = Child("network", [sys.executable, "-c", SPINS], Seat(CPUS[:1]))
    child.ready(60)
    yield child
    child.close()


def policies(child: Child) -> dict[int, tuple[int, int]]:
    """Policy and priority of each thread."""
    threads = [int(folder.name) for folder in Path(f"/proc/{child.pid}/task").iterdir()]
    return {thread: (os.sched_getscheduler(thread), os.sched_getparam(thread).sched_priority) for thread in threads}


def allowed() -> None:
    if fifo_missing() is not None:
        pytest.skip("this process may not use SCHED_FIFO")


def test_the_launching_thread_has_it_and_hears_the_word_that_ends_it(spinning: Child) -> None:
    allowed()
    before = policies(spinning)
    assert set(before.values()) == {(os.SCHED_OTHER, 0)}
    with prioritised(spinning):
        assert policies(spinning)[spinning.pid] == (os.SCHED_FIFO, 1)
        assert policies(spinning)[spinning.facts["listener"]] == (os.SCHED_FIFO, 2)
        assert len(before) == 2, "what else there were would keep its own"
        spinning.go()
        assert spinning.stop(60) == {}
    assert policies(spinning) == before


def test_whatever_ends_the_window_it_is_as_it_was(spinning: Child) -> None:
    allowed()
    os.sched_setscheduler(spinning.pid, os.SCHED_BATCH, os.sched_param(0))
    with pytest.raises(KeyboardInterrupt), prioritised(spinning):
        raise KeyboardInterrupt
    assert policies(spinning)[spinning.pid] == (os.SCHED_BATCH, 0)


def test_a_worker_that_ended_meanwhile_is_no_error(spinning: Child) -> None:
    allowed()
    with prioritised(spinning):
        spinning.close()


def test_a_refusal_names_who_is_refused_and_leaves_nothing(spinning: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    given, really = list[int](), os.sched_setscheduler

    def refuses_the_second(thread: int, policy: int, parameter: os.sched_param) -> None:
        given.append(policy)
        if len(given) == 2:
            raise PermissionError(1, "Operation not permitted")
        if policy != os.SCHED_FIFO:
            really(thread, policy, parameter)

    monkeypatch.setattr(os, "sched_setscheduler", refuses_the_second)
    monkeypatch.setattr(priority, "_found", lambda thread: (os.SCHED_FIFO, priority.LAUNCHING_PRIORITY))
    refused = pytest.raises(HostError, match=r"fifo: SCHED_FIFO is refused for network .* run as root")
    with refused, prioritised(spinning):
        pytest.fail("it has no priority")
    assert given[2:] == [os.SCHED_OTHER, os.SCHED_OTHER]


def test_one_that_does_not_hold_is_said(spinning: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_setscheduler", lambda *_: None)
    with pytest.raises(HostError, match="fifo: network has scheduling policy 0"), prioritised(spinning):
        pass


def test_a_refusal_is_known_beforehand_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    before = os.sched_getscheduler(0)
    fifo_missing()
    assert os.sched_getscheduler(0) == before
    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    found = fifo_missing()
    assert found is not None
    assert found.reason == "SCHED_FIFO is refused (Operation not permitted)"
    assert "rtprio" in found.fix


def test_a_seat_in_which_it_is_refused_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    if fifo_missing() is None:
        check_fifo(Seat(CPUS))
    monkeypatch.setattr(priority, "_TRY", "raise PermissionError(1, 'Operation not permitted')")
    with pytest.raises(HostError, match=r"fifo: SCHED_FIFO is refused \(PermissionError: .*\); run as root"):
        check_fifo(Seat(CPUS))
