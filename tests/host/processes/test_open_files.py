"""A study that needs more open files than this process may have raises the limit, or says so before it begins."""

from __future__ import annotations

import resource

import pytest

from colocate.errors import HostError
from colocate.host.processes.open_files import OF_A_CHILD, OF_ITSELF, allow_open_files


@pytest.fixture(autouse=True)
def limits(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    limits = [(16, 100)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, wanted: limits.append(wanted))
    return limits


def test_the_limit_is_raised_to_what_is_needed(limits: list[tuple[int, int]]) -> None:
    for _ in range(2):
        allow_open_files(2)
    assert limits == [(16, 100), (OF_ITSELF + 2 * OF_A_CHILD, 100)]


def test_a_limit_that_cannot_be_raised_is_named(limits: list[tuple[int, int]]) -> None:
    with pytest.raises(HostError, match=r"may open 100 files at once, and this study needs 144: .*ulimit -n"):
        allow_open_files(10)
    assert len(limits) == 1


def test_no_limit_is_enough(limits: list[tuple[int, int]]) -> None:
    limits.append((resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    allow_open_files(100_000)
    limits.append((16, resource.RLIM_INFINITY))
    allow_open_files(1000)
    assert limits[-1] == (OF_ITSELF + 1000 * OF_A_CHILD, resource.RLIM_INFINITY)
