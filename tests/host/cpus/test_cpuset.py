from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from colocate.errors import HostError
from colocate.host.cpus import cpuset
from colocate.host.cpus.cpuset import Seat
from colocate.host.processes.child import Child

CPUS = tuple(sorted(os.sched_getaffinity(0)))
SELF_REPORT = """
import os
from cpu_workloads.contract import Control, serve
def granted(try_to_leave):
    if try_to_leave:
        try:
            os.sched_setaffinity(0, range(os.cpu_count()))
        except OSError:
            pass
    return sorted(os.sched_getaffinity(0))
serve(Control(), lambda control: {"left": granted(True)}, {"cpus": granted(False)})
"""


def test_affinity_is_the_fallback_and_says_why(tmp_path: Path) -> None:
    empty = tmp_path / "none"
    empty.write_text("")
    found = cpuset.detect(mounts=empty, own=empty)
    assert found.name == "affinity"
    assert found.missing is not None
    assert found.missing.reason == "no cgroup tree here has the cpuset controller"
    assert "run as root" in found.missing.fix
    with cpuset.confined(found, {"inference": CPUS[:1]}) as seats:
        assert seats["inference"] == Seat(CPUS[:1])


@pytest.fixture
def real() -> cpuset.Confinement:
    found = cpuset.detect()
    if found.cpusets is None:
        pytest.skip(f"no cpusets for this process: {found.missing}")
    return found


def groups(confinement: cpuset.Confinement) -> list[Path]:
    assert confinement.cpusets is not None
    return list(confinement.cpusets.folder.glob(f"colocate-{os.getpid()}-*"))


def test_a_real_cpuset_holds_its_child_and_leaves_no_trace(real: cpuset.Confinement) -> None:
    assert real.cpusets is not None
    control = real.cpusets.folder / "cgroup.subtree_control"
    before = control.read_text() if control.exists() else None
    with cpuset.confined(real, {"inference": CPUS[-1:]}) as seats:
        child = Child("inside", [sys.executable, "-c", SELF_REPORT], seats["inference"])
        try:
            assert child.ready(120)["cpus"] == list(CPUS[-1:])
            child.go()
            # Plain affinity can be left by the child itself; a cpuset cannot.
            assert child.stop(120)["left"] == list(CPUS[-1:])
        finally:
            child.close()
    assert groups(real) == []
    assert (control.read_text() if control.exists() else None) == before


def test_what_is_left_in_a_group_is_ended_with_it(real: cpuset.Confinement) -> None:
    sleeper = subprocess.Popen(["sleep", "1000"])
    with cpuset.confined(real, {"inference": CPUS[:1]}) as seats:
        for group in seats["inference"].groups:
            (group / "cgroup.procs").write_text(str(sleeper.pid))
    assert sleeper.wait(60) == -9
    assert groups(real) == []


def test_groups_of_a_killed_process_are_removed_by_the_next(real: cpuset.Confinement) -> None:
    assert real.cpusets is not None
    finished = subprocess.Popen(["true"])
    finished.wait()
    stale = real.cpusets.folder / f"colocate-{finished.pid}-inference"
    stale.mkdir()
    with cpuset.confined(real, {"inference": CPUS[:1]}):
        assert not stale.exists()


def test_cpus_that_the_tree_does_not_have_are_refused_and_leave_no_group(real: cpuset.Confinement) -> None:
    with pytest.raises(HostError), cpuset.confined(real, {"inference": (4095,)}):
        pass
    assert groups(real) == []
