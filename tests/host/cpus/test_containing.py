from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from colocate.errors import HostError, KnobError
from colocate.host.cpus import containing, cpuset
from colocate.host.cpus.containing import allow_fifo, contain, weigh
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
    # On one of its CPUs alone the weight is not spread.
    assert shown(seat, "cpu.weight", "cpu.shares") in ("10", "102")
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


def rt_group(folder: Path, runtime_us: int, period_us: int = 1_000_000) -> Path:
    """A group of cgroup v1 with that much time for real-time threads."""
    folder.mkdir()
    (folder / "cpu.rt_runtime_us").write_text(f"{runtime_us}\n")
    (folder / "cpu.rt_period_us").write_text(f"{period_us}\n")
    return folder


@pytest.mark.parametrize(("parent_us", "given"), [(950_000, "375000"), (-1, "400000")])
def test_fifo_gets_what_the_groups_beside_have_left(tmp_path: Path, parent_us: int, given: str) -> None:
    parent = rt_group(tmp_path / "parent", parent_us)
    rt_group(parent / "beside", 200_000)
    group = rt_group(parent / "colocate", 0, 500_000)
    allow_fifo([tmp_path, group])
    assert (group / "cpu.rt_runtime_us").read_text() == given


def test_fifo_where_nothing_is_left_says_what_to_raise(tmp_path: Path) -> None:
    parent = rt_group(tmp_path / "parent", 950_000)
    rt_group(parent / "beside", 950_000)
    with pytest.raises(HostError, match=r"fifo: .*parent/cpu.rt_runtime_us leaves no time"):
        allow_fifo([rt_group(parent / "colocate", 0)])


def test_a_group_that_keeps_its_time_for_good_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containing, "_RELEASED_S", 0.02)
    group = rt_group(rt_group(tmp_path / "parent", 950_000) / "colocate", 0)
    (group / "cpu.rt_runtime_us").unlink()
    (group / "cpu.rt_runtime_us").symlink_to("/dev/full")
    monkeypatch.setattr(containing, "_rt_left_us", lambda group: 950_000)
    with pytest.raises(KnobError, match="the kernel refuses 950000"):
        allow_fifo([group])


def test_real_time_is_given_in_a_real_group(seat: Seat) -> None:
    try:
        allow_fifo(seat.groups)
    except HostError as error:
        pytest.skip(f"somebody else has it: {error}")
    given = [int((group / name).read_text()) for group in seat.groups for name in ("cpu.rt_runtime_us",) if
             (group / name).exists()]  # fmt: skip
    assert all(runtime_us > 0 for runtime_us in given)
