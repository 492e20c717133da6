from __future__ import annotations

import importlib.metadata
import os
import sys
from pathlib import Path

import pytest

from colocate.errors import HostError
from colocate.host.clocks.find import Clocks, find_clocks
from colocate.host.cpus.cpuset import Confinement
from colocate.host.facts import read_facts
from colocate.host.sysfs import Sysfs
from colocate.model.machine import HostFacts, Missing
from colocate.study.clock_points import clock_points, shared_levels
from tests.host import boards, jetsons
from tests.host.boards import CPU, DEBUG
from tests.study.test_plan import spec

AFFINITY = Confinement(None, Missing("no cgroup tree here has the cpuset controller", "run as root"))
NO_SUCH_CLOCK = "this machine shows no such clock"


@pytest.fixture(autouse=True)
def no_nvml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)


def read(clocks: Clocks, sysfs: Sysfs | None = None) -> HostFacts:
    return read_facts(AFFINITY, clocks, ("VDD_IN",), sysfs or Sysfs(Path("/nowhere")))


def test_clocks_that_can_be_set_have_steps_and_nothing_missing(tmp_path: Path) -> None:
    facts = read(find_clocks(boards.TX1.build(tmp_path)))
    assert facts.cpu_steps_hz == tuple(khz * 1000 for khz in boards.TX1_CPU_KHZ)
    assert facts.gpu_steps_hz == boards.TX1_GPU_HZ
    assert facts.emc_steps_hz == tuple(khz * 1000 for khz in boards.T210_EMC_KHZ)
    assert facts.clocks_missing == {}
    assert (facts.rails, facts.confinement, facts.cpusets_missing) == (("VDD_IN",), "affinity", AFFINITY.missing)
    assert facts.pausing == "signals"


def test_a_machine_without_clocks_says_so_of_each_with_a_fix() -> None:
    facts = read(Clocks(None, None, None))
    assert (facts.cpu_steps_hz, facts.gpu_steps_hz, facts.emc_steps_hz) == ((), (), ())
    assert {name: missing.reason for name, missing in facts.clocks_missing.items()} == dict.fromkeys(
        ("cpu", "gpu", "emc"), NO_SUCH_CLOCK
    )
    assert all(missing.fix for missing in facts.clocks_missing.values())
    assert not facts.gpu_on_request


def test_a_clock_without_a_table_and_one_of_root_have_reasons_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = boards.TX1.build(tmp_path)
    (tmp_path / CPU[1:] / "cpufreq/policy0/scaling_available_frequencies").unlink()
    monkeypatch.setattr(kernel, "writable", lambda path: not path.startswith(DEBUG))
    facts = read(find_clocks(kernel))
    assert (facts.cpu_steps_hz, facts.emc_steps_hz) == ((), ())
    assert facts.gpu_steps_hz == boards.TX1_GPU_HZ
    assert set(facts.clocks_missing) == {"cpu", "emc"}
    assert facts.clocks_missing["cpu"].reason == "its driver offers no table of steps"
    assert f"{DEBUG}/clk/override.emc/clk_state" in facts.clocks_missing["emc"].reason
    assert "run as root" in facts.clocks_missing["emc"].reason
    assert kernel.writes == []


def test_a_second_look_at_the_same_machine_is_equal_and_its_real_name_stays_unknown() -> None:
    facts = read(Clocks(None, None, None))
    assert read(Clocks(None, None, None)) == facts
    assert facts.cpus == tuple(sorted(os.sched_getaffinity(0)))
    assert len(facts.machine_id) == 12 and int(facts.machine_id, 16) >= 0
    for path in (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id")):
        if path.is_file():
            assert facts.machine_id not in path.read_text()


def test_versions_of_what_changes_a_measurement_are_kept() -> None:
    versions = read(Clocks(None, None, None)).versions
    for package in ("numpy", "onnx", "onnxruntime"):
        assert versions[package] == importlib.metadata.version(package)
    assert "pytest" not in versions and "nvidia driver" not in versions


@pytest.mark.parametrize("jetson", jetsons.JETSONS, ids=lambda jetson: jetson.board.name)
def test_the_memory_is_an_axis_of_every_board_that_shows_its_steps(jetson: jetsons.Jetson, tmp_path: Path) -> None:
    kernel = jetson.build(tmp_path)
    facts = read(find_clocks(kernel), kernel)
    assert facts.emc_steps_hz == jetson.emc_steps_hz and facts.board == jetson.found
    asked = spec(emc_clocks=("low", "mid", "high"))
    if not jetson.emc_steps_hz:
        assert facts.clocks_missing["emc"].fix
        with pytest.raises(HostError, match="memory clock cannot be set"):
            clock_points(asked, facts)
        return
    points = clock_points(asked, facts)
    if jetson is jetsons.XAVIER_NX:
        # Of two ends the lower one is also the middle.
        assert list(shared_levels(asked, facts)) == [("emc", ("low", "mid"))] and len({*points}) == len(points) == 18
    else:
        assert list(shared_levels(asked, facts)) == [] and len({*points}) == len(points) == 27
