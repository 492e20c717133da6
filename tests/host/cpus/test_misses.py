"""The kernel's counters of a thread, with an event that every machine has: its page faults."""

from __future__ import annotations

import mmap
import os
import subprocess
import threading
from pathlib import Path

import pytest

from colocate.host.cpus.misses import Event, misses_of

SOFTWARE, PAGE_FAULTS = 1, 2
FAULTS = Event(SOFTWARE, PAGE_FAULTS)
UNKNOWN = Event(SOFTWARE, 9999)
PAGES = 500
OPEN = Path("/proc/self/fd")


@pytest.fixture(autouse=True)
def _counted() -> None:
    with misses_of(os.getpid(), (FAULTS,)) as counter:
        if counter is None:
            pytest.skip("this kernel counts no events for users: see /proc/sys/kernel/perf_event_paranoid")


def touch() -> None:
    """Write to pages that have no memory yet: one fault for each."""
    with mmap.mmap(-1, PAGES * mmap.PAGESIZE) as memory:
        memory.madvise(mmap.MADV_NOHUGEPAGE)
        for page in range(PAGES):
            memory[page * mmap.PAGESIZE] = 1


def test_it_counts_what_the_thread_did_since() -> None:
    with misses_of(threading.get_native_id(), (FAULTS,)) as counter:
        assert counter is not None
        before = counter.read()
        touch()
        assert PAGES <= counter.read() - before <= 2 * PAGES


def test_other_threads_are_not_counted() -> None:
    with misses_of(threading.get_native_id(), (FAULTS,)) as counter:
        assert counter is not None
        other = threading.Thread(target=touch)
        before = counter.read()
        other.start()
        other.join()
        assert counter.read() - before < PAGES


def test_the_first_event_that_the_machine_has_is_counted() -> None:
    with misses_of(os.getpid(), (UNKNOWN, FAULTS)) as counter:
        assert counter is not None
    with misses_of(os.getpid(), (UNKNOWN,)) as counter:
        assert counter is None


def test_a_thread_that_is_gone_has_no_counter() -> None:
    done = subprocess.Popen(["true"])
    done.wait()
    with misses_of(done.pid, (FAULTS,)) as counter:
        assert counter is None


def test_nothing_stays_open() -> None:
    before = len(list(OPEN.iterdir()))
    with misses_of(os.getpid(), (FAULTS,)):
        assert len(list(OPEN.iterdir())) == before + 1
    assert len(list(OPEN.iterdir())) == before


def test_an_event_without_a_counter_for_a_while_is_scaled(monkeypatch: pytest.MonkeyPatch) -> None:
    with misses_of(os.getpid(), (FAULTS,)) as counter:
        assert counter is not None
        for count, wanted_ns, counted_ns, scaled in ((30, 100, 100, 30), (30, 100, 25, 120), (0, 100, 0, 0)):
            data = b"".join(value.to_bytes(8, "little") for value in (count, wanted_ns, counted_ns))
            with monkeypatch.context() as patched:
                patched.setattr(os, "read", lambda fd, size, data=data: data)
                assert counter.read() == scaled
