from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from colocate.errors import KnobError
from colocate.host.cpus import cpuset
from colocate.host.cpus.containing import contain, weigh
from colocate.host.cpus.cpuset import Seat
from colocate.model.containment import parse_containment

CPUS = tuple(sorted(os.sched_getaffinity(0)))


@pytest.mark.parametrize(
    ("cpus", "weight"), [((3,), "100"), (tuple(range(15)), "1500"), (tuple(range(200)), "10000")]
)
def test_each_process_of_a_group_counts_like_one_without_groups(
    tmp_path: Path, cpus: tuple[int, ...], weight: str
) -> None:
    weigh(tmp_path, cpus)
    assert not list(tmp_path.iterdir()), "without the cpu controller groups have no weight"
    (tmp_path / "cpu.weight").write_text("100")
    weigh(tmp_path, cpus)
    assert (tmp_path / "cpu.weight").read_text() == weight


@pytest.fixture
def seat() -> Iterator[Seat]:
    found = cpuset.detect()
    if found.shares is None:
        pytest.skip("no cgroup here can weigh a task")
    with cpuset.confined(found, {"task": CPUS}, weighed=True) as seats:
        yield seats["task"]


def shown(seat: Seat, *names: str) -> str:
    """What the first of these files says that a group of the seat has."""
    return next(
        (group / name).read_text().strip() for name in names for group in seat.groups if (group / name).exists()
    )


def test_each_bound_is_in_the_kernel_and_is_lifted_again(seat: Seat) -> None:
    contain(seat.groups, seat.cpus, parse_containment("idle"))
    if any((group / "cpu.idle").exists() for group in seat.groups):
        assert shown(seat, "cpu.idle") == "1"
    contain(seat.groups, seat.cpus, parse_containment("weight=10+cpus=1"))
    weight = 10 * len(CPUS)
    assert shown(seat, "cpu.weight", "cpu.shares") in (str(weight), str(round(10.24 * weight)))
    assert shown(seat, "cpuset.cpus") == str(CPUS[0])
    contain(seat.groups, seat.cpus, parse_containment("quota=20%/10"))
    assert shown(seat, "cpu.max", "cpu.cfs_quota_us") in ("2000 10000", "2000")
    contain(seat.groups, seat.cpus, parse_containment("quota=50%/1000"))
    contain(seat.groups, seat.cpus, None)
    assert shown(seat, "cpu.max", "cpu.cfs_quota_us") in ("max 100000", "-1")
    assert shown(seat, "cpu.weight", "cpu.shares") in (str(100 * len(CPUS)), str(1024 * len(CPUS)))


@pytest.mark.parametrize(
    ("stands_for", "said"), [("/dev/full", "the kernel refuses 1"), ("/dev/null", "wanted 1, found")]
)
def test_a_bound_that_does_not_hold_is_named(tmp_path: Path, stands_for: str, said: str) -> None:
    (tmp_path / "cpu.idle").symlink_to(stands_for)
    with pytest.raises(KnobError, match=f"cpu.idle: {said}"):
        contain([tmp_path], CPUS, parse_containment("idle"))


def test_nothing_is_written_where_there_is_no_group(tmp_path: Path) -> None:
    contain([tmp_path], CPUS, parse_containment("idle"))
    assert not list(tmp_path.iterdir())
