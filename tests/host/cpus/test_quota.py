"""Quotas around a process, in trees of words; and a real one of cgroup v1."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from colocate.host.cpus.quota import Throttling, longest_period_s, quota_groups, quota_of, throttling
from tests.host.cpus.test_groups import mount

CPU_TREE = Path("/sys/fs/cgroup/cpu")


def group_v2(folder: Path, quota: str, throttled_us: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cpu.max").write_text(f"{quota}\n")
    (folder / "cpu.stat").write_text(f"usage_usec 5\nnr_periods 9\nnr_throttled 4\nthrottled_usec {throttled_us}\n")
    return folder


def group_v1(folder: Path, quota_us: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cpu.cfs_quota_us").write_text(f"{quota_us}\n")
    (folder / "cpu.cfs_period_us").write_text("100000\n")
    (folder / "cpu.stat").write_text("nr_periods 9\nnr_throttled 3\nthrottled_time 250000000\n")
    return folder


def found(tmp_path: Path, mounts: str, own: str) -> tuple[Path, ...]:
    (tmp_path / "mounts").write_text(mounts)
    (tmp_path / "proc/7").mkdir(parents=True, exist_ok=True)
    (tmp_path / "proc/7/cgroup").write_text(own)
    return quota_groups(7, tmp_path / "mounts", tmp_path / "proc")


def test_every_group_up_to_the_root_counts(tmp_path: Path) -> None:
    tree = tmp_path / "v2"
    outer = group_v2(tree / "machine", "150000 100000", 2_500_000)
    inner = group_v2(tree / "machine/job", "20000 100000", 500_000)
    group_v2(tree / "machine/job/colocate-5-inference", "1000 100000")
    group_v2(tree / "machine/free", "max 100000")
    mounts = mount(tree, "cgroup2")
    assert found(tmp_path, mounts, "0::/machine/job/colocate-5-inference\n") == (inner, outer)
    assert found(tmp_path, mounts, "0::/machine/free\n") == (outer,)
    assert (quota_of(inner), quota_of(outer), quota_of(tree)) == (0.2, 1.5, None)
    assert longest_period_s((inner, outer)) == pytest.approx(0.1) and longest_period_s([tree]) is None
    assert throttling((inner, outer)) == Throttling(8, 3.0)
    assert throttling((inner, outer)).since(Throttling(5, 1.0)) == Throttling(3, 2.0)
    assert throttling(()) == Throttling(0, 0.0)


def test_a_container_that_does_not_see_its_own_group_has_the_top_of_the_mount(tmp_path: Path) -> None:
    tree = group_v1(tmp_path / "cpu", 50_000)
    group_v1(tmp_path / "memory", 50_000)
    mounts = mount(tree, "cgroup", "rw,cpuacct,cpu") + mount(tmp_path / "memory", "cgroup", "rw,memory")
    own = "4:memory:/docker/ab12\n3:cpuacct,cpu:/docker/ab12\n0::/\n"
    assert found(tmp_path, mounts, own) == (tree,)
    assert quota_of(tree) == 0.5
    assert throttling([tree]) == Throttling(3, 0.25)


def test_without_a_quota_there_is_no_group(tmp_path: Path) -> None:
    tree = group_v1(tmp_path / "cpu", -1)
    assert found(tmp_path, mount(tree, "cgroup", "rw,cpu"), "1:cpu:/\n") == ()
    assert found(tmp_path, "", "1:cpu:/\n") == ()


def test_a_process_that_has_ended_is_in_no_group(tmp_path: Path) -> None:
    (tmp_path / "mounts").write_text("")
    assert quota_groups(7, tmp_path / "mounts", tmp_path / "proc") == ()


def test_a_real_quota_is_seen_to_stop_a_process() -> None:
    if not os.access(CPU_TREE / "cgroup.procs", os.W_OK):
        pytest.skip("needs root and the cpu controller of cgroup v1")
    group = CPU_TREE / f"test-quota-{os.getpid()}"
    group.mkdir()
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        (group / "cpu.cfs_quota_us").write_text("10000")
        (group / "cgroup.procs").write_text(str(process.pid))
        assert quota_groups(process.pid) == (group,)
        assert quota_of(group) == 0.1
        deadline_s = time.monotonic() + 30
        while not throttling([group]).stopped_s and time.monotonic() < deadline_s:
            time.sleep(0.05)
        assert throttling([group]).times > 0
    finally:
        process.kill()
        process.wait()
        for _ in range(100):
            with contextlib.suppress(OSError):
                group.rmdir()
                break
            time.sleep(0.05)
