from __future__ import annotations

import os
from pathlib import Path

import pytest

from colocate.host.cpus import bounds, cpuset
from colocate.host.cpus.bounds import missing_bounds
from colocate.host.cpus.cpuset import AFFINITY_ALONE, Confinement
from colocate.host.cpus.groups import Hierarchy
from colocate.model.machine import Missing


@pytest.fixture(autouse=True)
def fifo_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "fifo_missing", lambda: None)


@pytest.fixture
def quotas(tmp_path: Path) -> Path:
    (tmp_path / "slice_us").touch()
    return tmp_path / "slice_us"


def shared(folder: Path, version: int) -> Confinement:
    return Confinement(None, shares=Hierarchy(folder, version, frozenset({"cpu"})))


def on_linux(release: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", "board", release, "", "aarch64")))


def test_without_a_group_that_weighs_quotas_alone_are_missing(quotas: Path) -> None:
    found = missing_bounds(AFFINITY_ALONE, quotas)
    assert set(found) == {"quota"}
    assert "cpu controller" in found["quota"].reason and "root" in found["quota"].fix


@pytest.mark.parametrize(
    ("release", "missing"), [("5.10.216-tegra", {"idle"}), ("5.15.148-tegra", set[str]()), ("6.1.0", set[str]())]
)
def test_cpu_idle_came_to_cgroup_v2_with_linux_5_15(
    release: str, missing: set[str], tmp_path: Path, quotas: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_linux(release, monkeypatch)
    found = missing_bounds(shared(tmp_path, 2), quotas)
    assert set(found) == missing
    for each in found.values():
        assert release in each.reason
        assert each.fix == "use weight=1, or Linux 5.15 or later"
    # In v1 the least share stands for it.
    assert missing_bounds(shared(tmp_path, 1), quotas) == {}


def test_an_old_kernel_may_have_been_given_it(tmp_path: Path, quotas: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_linux("5.10.216-tegra", monkeypatch)
    (tmp_path / "cpu.idle").touch()
    assert missing_bounds(shared(tmp_path, 2), quotas) == {}


def test_a_kernel_built_without_quotas_says_so(tmp_path: Path) -> None:
    found = missing_bounds(shared(tmp_path, 1), tmp_path / "absent")
    assert set(found) == {"quota"}
    assert "CONFIG_CFS_BANDWIDTH" in found["quota"].reason


def test_what_fifo_needs_is_said(quotas: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = Missing("SCHED_FIFO is refused", "run as root")
    monkeypatch.setattr(bounds, "fifo_missing", lambda: refused)
    assert missing_bounds(AFFINITY_ALONE, quotas)["fifo"] == refused


def test_here_what_is_not_missing_can_be_set() -> None:
    found = cpuset.detect()
    assert ("quota" in missing_bounds(found)) == (found.shares is None)


def test_a_group_of_v1_without_real_time_is_named(tmp_path: Path, quotas: Path) -> None:
    knob = tmp_path / "cpu.rt_runtime_us"
    knob.write_text("0\n")
    found = missing_bounds(shared(tmp_path, 1), quotas)
    assert found["fifo"].reason == f"{knob} is 0: no real-time threads below"
    assert f"echo 950000 >{knob}" in found["fifo"].fix
    knob.write_text("950000\n")
    assert missing_bounds(shared(tmp_path, 1), quotas) == {}
