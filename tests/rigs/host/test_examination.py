from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path

import pytest

from colocate.host.cpus import cpuset
from colocate.host.restore import journal
from colocate.host.restore.journal import Journal
from colocate.host.sysfs import Sysfs
from colocate.inference.backends import availability
from colocate.inference.backends.availability import Availability
from colocate.inference.backends.interpreter import Interpreter
from colocate.inference.backends.registry import BACKENDS
from colocate.model.machine import Missing
from colocate.power.find import SENSORS
from colocate.rigs.host import examination
from colocate.rigs.host.examination import Finding, examine
from cpu_workloads.registry import STRESSORS
from tests.host import boards, jetsons
from tests.host.boards import CPU
from tests.power.fakes import hwmon

WORKING = ("onnxruntime-cpu", "synthetic")
NOTHING = Availability(
    (), (), {name: Missing(f"no {name} here", f"install {name}") for name in BACKENDS if name not in WORKING}, {}
)


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No package that shows a GPU or a meter, no cgroup tree, no GPU runtime, no journal."""
    for package in ("pynvml", "jtop"):
        monkeypatch.setitem(sys.modules, package, None)
    mounts, state = tmp_path / "mounts", tmp_path / "state"
    mounts.write_text("")
    state.mkdir()
    confinement = cpuset.detect(mounts=mounts, own=mounts)
    monkeypatch.setattr(cpuset, "detect", lambda: confinement)
    monkeypatch.setattr(examination, "quota_groups", lambda: ())
    monkeypatch.setattr(availability, "look", lambda: NOTHING)
    monkeypatch.setattr(availability, "mixed_up", lambda: None)
    monkeypatch.setattr(journal, "state_folder", lambda: state)
    monkeypatch.setattr(examination, "look_at_torch", lambda: Missing("no torch here", "install torch"))


def by_name(found: tuple[Finding, ...], area: str) -> dict[str, Finding]:
    return {finding.name: finding for finding in found if finding.area == area}


def test_whatever_is_missing_has_a_reason_and_a_fix(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    found = examine(Sysfs(tmp_path / "root"), gpu_bandwidth=True)
    missing = {
        "clocks": {"cpu", "gpu", "emc"},
        "power": set(SENSORS),
        "inference": set(NOTHING.missing),
        "training": {"torch"},
        "GPU memory": {"copy bandwidth"},
    }
    for area, names in missing.items():
        findings = by_name(found, area)
        assert names <= findings.keys()
        for name in names:
            assert findings[name].state and findings[name].fix, (area, name)
    confinement = by_name(found, "machine")["CPU separation"]
    assert confinement.state == "affinity no cgroup tree here has the cpuset controller"
    assert "run as root" in confinement.fix
    assert by_name(found, "machine")["task pausing"].state == "SIGSTOP and SIGCONT to each process"
    containment = by_name(found, "machine")["task containment"]
    assert containment.state.startswith("idle, weight, cpus")
    assert "; not quota: no cgroup tree here has a cpu controller" in containment.state
    assert "quota: run as root" in containment.fix


def test_what_is_there_needs_no_fix(tmp_path: Path) -> None:
    kernel = boards.TX1.build(tmp_path / "root")
    hwmon(kernel.root, 0, {"VDD_IN": (5000, 1000)})
    found = examine(kernel)
    clocks = by_name(found, "clocks")
    assert clocks["cpu"] == Finding("clocks", "cpu", "now 102 MHz; 17 steps, 102 to 1734 MHz")
    assert clocks["gpu"] == Finding("clocks", "gpu", "now 76.8 MHz; 13 steps, 76.8 to 998.4 MHz")
    assert clocks["emc"].state.endswith("10 steps, 40.8 to 1600 MHz, set on request only")
    assert by_name(found, "power")["VDD_IN"] == Finding("power", "VDD_IN", "power, refreshed every 7 ms")
    assert "ina3221" not in by_name(found, "power")
    assert {name: by_name(found, "inference")[name].fix for name in WORKING} == dict.fromkeys(WORKING, "")
    assert by_name(found, "inference")["synthetic"].state == "built in"
    tasks = by_name(found, "tasks")
    assert {name: (tasks[name].state, tasks[name].fix) for name in STRESSORS} == dict.fromkeys(
        STRESSORS, ("ready", "")
    )
    assert kernel.writes == []


def test_a_quota_around_this_process_is_shown_with_its_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "CPU quota" not in by_name(examine(Sysfs(tmp_path)), "machine")
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    monkeypatch.setattr(examination, "quota_groups", lambda: (tmp_path,))
    quota = by_name(examine(Sysfs(tmp_path)), "machine")["CPU quota"]
    assert quota.state == f"1.5 CPUs of time on {tmp_path}"
    assert "docker run --cpus" in quota.fix


def test_a_clock_that_can_be_read_but_not_set_shows_both(tmp_path: Path) -> None:
    kernel = boards.TX1.build(tmp_path / "root")
    (kernel.root / CPU[1:] / "cpufreq/policy0/scaling_available_frequencies").unlink()
    cpu = by_name(examine(kernel), "clocks")["cpu"]
    assert cpu.state == "now 102 MHz; its driver offers no table of steps"
    assert "cpufreq driver with a table" in cpu.fix


@pytest.mark.parametrize(
    ("user", "fix"), [(0, "it takes a cpufreq driver"), (1000, "it takes root, and a cpufreq driver")]
)
def test_root_is_not_asked_to_be_root(user: int, fix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: user)
    assert by_name(examine(Sysfs(tmp_path)), "clocks")["cpu"].fix.startswith(fix)


def test_a_task_that_cannot_run_says_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "stressor_fix", lambda name: f"{name} needs Pillow" if name == "jpeg" else "")
    tasks = by_name(examine(Sysfs(tmp_path)), "tasks")
    assert (tasks["jpeg"].state, tasks["jpeg"].fix) == ("cannot run", "jpeg needs Pillow")
    assert tasks["bitcount"].fix == ""


def test_a_journal_that_was_left_or_cannot_be_trusted_is_shown(tmp_path: Path) -> None:
    kernel, folder = boards.TX1.build(tmp_path / "root"), journal.state_folder()

    def shown() -> Finding:
        return by_name(examine(kernel), "journal")[str(folder)]

    assert (shown().state, shown().fix) == ("nothing to restore", "")
    limits = {"min": "102000", "max": "1734000"}
    knobs = {f"{CPU}/cpufreq/policy0/scaling_{end}_freq": khz for end, khz in limits.items()}
    journal.write(folder, Journal("token", None, knobs))
    assert (shown().state, shown().fix) == ("settings left changed: 2", "python -m colocate restore")
    (folder / "journal").write_bytes(b"torn")
    assert "not to be trusted" in shown().state and shown().fix


def test_meters_are_let_go(tmp_path: Path) -> None:
    hwmon(tmp_path, 0, {"VDD_IN": (5000, 1000)})
    before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a Path would be opened while it is listed
    assert "VDD_IN" in by_name(examine(Sysfs(tmp_path)), "power")
    assert set(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_a_runtime_under_another_python_says_which_and_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = Interpreter("/usr/bin/python3.8", "colocate's own Python 3.12 has no package tensorrt")
    found = Availability(("tensorrt",), (), NOTHING.missing, {"tensorrt": {"runtime": "tensorrt 8.5.2"}})
    missing = {name: each for name, each in NOTHING.missing.items() if name != "tensorrt"}
    found = dataclasses.replace(found, missing=missing, interpreters={"tensorrt": python})
    monkeypatch.setattr(availability, "look", lambda: found)
    row = by_name(examine(Sysfs(tmp_path)), "inference")["tensorrt"]
    assert row.state == (
        "tensorrt 8.5.2 under /usr/bin/python3.8: colocate's own Python 3.12 has no package tensorrt"
    )


def test_a_runtime_says_what_makes_its_calls_to_the_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"bandwidth": {"gpu": "Orin", "gpu_calls": "ctypes (pycuda cannot be imported: libcurand.so.10)"}}
    missing = {name: each for name, each in NOTHING.missing.items() if name != "bandwidth"}
    monkeypatch.setattr(availability, "look", lambda: Availability((), ("bandwidth",), missing, found))
    row = by_name(examine(Sysfs(tmp_path)), "inference")["bandwidth"]
    assert row.state == "built in; GPU calls: ctypes (pycuda cannot be imported: libcurand.so.10)"


def test_how_a_jetson_is_set_is_shown_with_what_to_do_about_it(tmp_path: Path) -> None:
    assert by_name(examine(Sysfs(tmp_path)), "board") == {}
    nano = by_name(examine(jetsons.NANO.build(tmp_path / "nano")), "board")
    assert {name: finding.state for name, finding in nano.items()} == jetsons.NANO.found.words
    assert {name for name, finding in nano.items() if finding.fix} == {"CPUs switched off", "desktop", "zram"}
    xavier = by_name(examine(jetsons.XAVIER_NX.build(tmp_path / "xavier")), "board")
    assert [name for name, finding in xavier.items() if finding.fix] == ["clocks as found"]
    assert "jetson_clocks --restore" in xavier["clocks as found"].fix


def test_clocks_end_at_the_cap_of_the_power_mode(tmp_path: Path) -> None:
    clocks = by_name(examine(jetsons.NANO.build(tmp_path)), "clocks")
    assert clocks["cpu"].state.endswith("9 steps, 102 to 918 MHz")
    assert clocks["gpu"].state.endswith("8 steps, 76.8 to 614.4 MHz")


LOOK = {"torch": "2.13", "python": "/p", "cuda": "12.8", "gpus": ["H100", "H100"], "nccl": "2.27"}


@pytest.mark.parametrize(
    ("changed", "gpus", "nccl", "fixed"),
    [
        ({}, "torch sees 2: H100", "2.27", []),
        ({"gpus": []}, "torch sees none", "2.27", ["GPUs"]),
        (
            {"gpus": [], "cuda": None, "nccl": None},
            "torch is built without CUDA",
            "torch is built without it",
            ["GPUs", "NCCL"],
        ),
    ],
)
def test_what_training_has_here(
    changed: dict[str, object],
    gpus: str,
    nccl: str,
    fixed: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(examination, "look_at_torch", lambda: {**LOOK, **changed})
    found = by_name(examine(Sysfs(tmp_path)), "training")
    assert {name: finding.state for name, finding in found.items()} == {
        "torch": "2.13 under /p", "GPUs": gpus, "NCCL": nccl,
    }  # fmt: skip
    assert [name for name, finding in found.items() if finding.fix] == fixed
