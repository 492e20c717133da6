"""How a containment is set for good, against the documented syntax of systemd and of cgroups."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.model.containment import Containment, parse_containment
from colocate.report.advise.drop_in import drop_in, remarks, thread_writes, version_1_writes, version_2_writes

EVERY = (
    "none",
    "idle",
    "weight=10",
    "quota=20%",
    "quota=33.333%/10.5",
    "cpus=2",
    "fifo",
    "weight=5000+quota=250%/10+cpus=2",
)
CPUS = (1, 2, 3, 8)


@pytest.mark.parametrize(
    ("words", "cpus", "lines"),
    [
        ("idle", (0,), ["AllowedCPUs=0", "CPUWeight=idle"]),
        ("weight=10", (1, 2, 3), ["AllowedCPUs=1-3", "CPUWeight=30"]),
        ("quota=20%/10", (0,), ["AllowedCPUs=0", "CPUQuota=20%", "CPUQuotaPeriodSec=10ms"]),
        ("quota=33.333%/10.5", (0,), ["AllowedCPUs=0", "CPUQuota=33.33%", "CPUQuotaPeriodSec=10500us"]),
        # A task that nothing weighed had the weight of a process on each CPU.
        ("quota=20%", (0, 1), ["AllowedCPUs=0-1", "CPUWeight=200", "CPUQuota=20%"]),
        ("cpus=2", CPUS, ["AllowedCPUs=1-2", "CPUWeight=200"]),
        ("weight=5000+cpus=2", (4, 6, 7), ["AllowedCPUs=4,6", "CPUWeight=10000"]),
        ("none", (0,), ["AllowedCPUs=0"]),
    ],
)
def test_a_drop_in_has_what_the_task_had(words: str, cpus: tuple[int, ...], lines: list[str]) -> None:
    assert drop_in(parse_containment(words), cpus) == ["[Service]", *lines]


# As systemd.resource-control(5) has them.
SYNTAX = {
    "AllowedCPUs": r"\d+(-\d+)?(,\d+(-\d+)?)*",
    "CPUWeight": r"idle|[1-9]\d{0,3}|10000",
    "CPUQuota": r"\d+(\.\d{1,2})?%",
    "CPUQuotaPeriodSec": r"\d+(ms|us)",
}

SETTINGS = st.builds(
    Containment,
    weight=st.none() | st.integers(1, 10_000),
    quota_ratio=st.none() | st.floats(0.5, 8.0),
    quota_period_s=st.floats(0.002, 1.0),
    cpus=st.none() | st.integers(1, 4),
) | st.just(Containment(idle=True))


@given(SETTINGS, st.lists(st.integers(0, 255), min_size=4, max_size=9, unique=True))
def test_every_drop_in_is_of_the_documented_syntax(containment: Containment, cpus: list[int]) -> None:
    section, *lines = drop_in(containment, cpus)
    assert section == "[Service]"
    for line in lines:
        name, value = line.split("=")
        assert re.fullmatch(SYNTAX[name], value), line


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="takes systemd-analyze")
@pytest.mark.parametrize("words", EVERY)
def test_systemd_itself_understands_it(tmp_path: Path, words: str) -> None:
    (tmp_path / "task.service.d").mkdir()
    (tmp_path / "task.service").write_text("[Service]\nExecStart=/bin/true\n")
    text = "\n".join(drop_in(parse_containment(words), CPUS))
    (tmp_path / "task.service.d" / "containment.conf").write_text(f"{text}\n")
    verify = ["systemd-analyze", "verify", "--man=no", str(tmp_path / "task.service")]
    found = subprocess.run(verify, capture_output=True, text=True, timeout=60)
    assert "containment.conf" not in found.stdout + found.stderr


def test_the_writes_of_version_2_are_those_of_the_study() -> None:
    start, made, *idle, end = version_2_writes(Containment(idle=True), (1, 2, 3))
    assert "+cpuset +cpu" in start and made == "mkdir -p TASK" and end == "echo PID > TASK/cgroup.procs"
    assert idle == ["echo 1-3 > TASK/cpuset.cpus", "echo 1 > TASK/cpu.idle"]
    weight = Containment(weight=10, quota_ratio=0.2, quota_period_s=0.01)
    assert version_2_writes(weight, (0,))[2:-1] == [
        "echo 0 > TASK/cpuset.cpus", "echo 10 > TASK/cpu.weight", "echo '2000 10000' > TASK/cpu.max",
    ]  # fmt: skip


def test_the_writes_of_version_1_are_in_two_trees() -> None:
    weight = Containment(weight=10, quota_ratio=0.2, quota_period_s=0.01)
    _, memory, *writes = version_1_writes(weight, (0, 1))
    assert "cpuset.mems" in memory
    assert writes == [
        "echo 0-1 > cpuset/TASK/cpuset.cpus", "echo 205 > cpu/TASK/cpu.shares",
        "echo 10000 > cpu/TASK/cpu.cfs_period_us", "echo 2000 > cpu/TASK/cpu.cfs_quota_us",
        "echo PID | tee cpuset/TASK/cgroup.procs cpu/TASK/cgroup.procs",
    ]  # fmt: skip
    idle = version_1_writes(Containment(idle=True), (0,))
    assert "echo 1 > cpu/TASK/cpu.idle || echo 2 > cpu/TASK/cpu.shares" in idle


@pytest.mark.parametrize("words", EVERY)
def test_the_writes_are_lines_that_a_shell_reads(words: str) -> None:
    bound = parse_containment(words)
    for writes in (version_1_writes(bound, CPUS), version_2_writes(bound, CPUS)):
        subprocess.run(["sh", "-n", "-c", "\n".join(writes)], check=True, timeout=60)


def test_shares_of_version_1_are_those_that_were_measured() -> None:
    """They go further than the weights of version 2."""
    heavy = Containment(weight=10_000)
    assert "echo 204800 > cpu/TASK/cpu.shares" in version_1_writes(heavy, (0, 1))
    assert "echo 10000 > TASK/cpu.weight" in version_2_writes(heavy, (0, 1))


def test_remarks_say_what_the_settings_take_and_how_a_weight_is_spread() -> None:
    quota = Containment(quota_ratio=0.2)
    assert drop_in(quota, CPUS, shared=False) == ["[Service]", "AllowedCPUs=1-3,8", "CPUQuota=20%"]
    for writes in (version_1_writes(quota, CPUS, shared=False), version_2_writes(quota, CPUS, shared=False)):
        assert not any("cpu.weight" in line or "cpu.shares" in line for line in writes)
    assert len(remarks(quota, CPUS, shared=False)) == 1 and len(remarks(quota, CPUS)) == 3
    assert "CPUWeight=idle" in drop_in(Containment(idle=True), CPUS, shared=False)
    idle, same = remarks(Containment(idle=True), (1, 2)), remarks(Containment(weight=10), (1, 2))
    assert "CPUWeight=idle systemd 252" in idle[0] and "task's slice" in idle[1]
    assert "10 for each of them" in same[1] and "task's slice" in same[2]
    assert len(remarks(Containment(weight=10), (1,))) == 2
    assert "CPUQuotaPeriodSec= systemd 242" in remarks(Containment(quota_ratio=0.2, quota_period_s=0.01), (1,))[0]


def test_fifo_is_of_the_network() -> None:
    fifo = parse_containment("fifo+weight=10")
    assert thread_writes(fifo) == ["chrt --fifo --pid 1 TID"] and "CPUWeight=10" in drop_in(fifo, (0,))
    assert "launching thread" in remarks(fifo, (0,))[-1]
    assert thread_writes(None) == thread_writes(Containment(idle=True)) == []
