from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

import pytest

from colocate.errors import HostError
from colocate.host.cpus import cpuset, groups
from colocate.host.cpus.groups import Hierarchy, claim, clear, clear_all, hierarchies, own_groups, remove_stale


def mount(folder: Path, kind: str, options: str = "rw") -> str:
    folder.mkdir(parents=True, exist_ok=True)
    return f"cgroup {folder} {kind} {options} 0 0\n"


def v2(folder: Path, controllers: str) -> str:
    line = mount(folder, "cgroup2")
    (folder / "cgroup.controllers").write_text(controllers + "\n")
    (folder / "cgroup.subtree_control").write_text("cpuset\n")
    return line


def detected(tmp_path: Path, mounts: str, own: str = "") -> cpuset.Confinement:
    (tmp_path / "mounts").write_text(mounts)
    (tmp_path / "own").write_text(own)
    return cpuset.detect(tmp_path / "mounts", tmp_path / "own")


def test_one_tree_of_cgroup_v2_does_everything(tmp_path: Path) -> None:
    found = detected(tmp_path, v2(tmp_path / "v2", "cpuset cpu memory"))
    assert found.cpusets is not None
    assert found.cpusets == found.freezer == found.accounting
    assert (found.name, found.pausing) == ("cgroup-v2", "cgroup-v2")


def test_a_hybrid_layout_pauses_in_the_v2_tree_beside_v1_cpusets(tmp_path: Path) -> None:
    mounts = mount(tmp_path / "cpuset", "cgroup", "rw,cpuset") + mount(tmp_path / "freezer", "cgroup", "rw,freezer")
    found = detected(tmp_path, mounts + v2(tmp_path / "unified", ""))
    assert (found.name, found.pausing) == ("cgroup-v1", "cgroup-v2")
    assert found.freezer == found.accounting
    assert found.freezer is not None and found.freezer.folder == tmp_path / "unified"


def test_before_kernel_5_2_the_v1_freezer_pauses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = os.uname_result(("Linux", "board", "4.9.337-tegra", "", "aarch64"))
    monkeypatch.setattr(os, "uname", lambda: old)
    mounts = mount(tmp_path / "cpuset", "cgroup", "rw,cpuset") + mount(tmp_path / "freezer", "cgroup", "rw,freezer")
    found = detected(tmp_path, mounts + v2(tmp_path / "unified", ""))
    assert (found.name, found.pausing) == ("cgroup-v1", "cgroup-v1")
    # Which has no bearing on the count of CPU time.
    assert found.accounting is not None and found.accounting.version == 2
    (tmp_path / "unified/cgroup.freeze").touch()
    assert detected(tmp_path, mounts + v2(tmp_path / "unified", "")).pausing == "cgroup-v2"


def test_cpu_time_is_not_counted_where_a_group_would_also_share_the_cpu(tmp_path: Path) -> None:
    mounts = mount(tmp_path / "both", "cgroup", "rw,cpu,cpuacct") + mount(tmp_path / "cpu", "cgroup", "rw,cpu")
    assert detected(tmp_path, mounts).accounting is None
    found = detected(tmp_path, mounts + mount(tmp_path / "cpuacct", "cgroup", "rw,cpuacct"))
    assert found.accounting == Hierarchy(tmp_path / "cpuacct", 1, frozenset({"cpuacct"}))
    assert (found.name, found.pausing) == ("affinity", "signals")


def test_a_v1_group_is_made_below_the_own_one(tmp_path: Path) -> None:
    mounts = mount(tmp_path / "freezer", "cgroup", "rw,freezer")
    (tmp_path / "freezer/user").mkdir()
    (below,) = hierarchies(mounts, "3:cpuset:/elsewhere\n2:freezer:/user\n0::/\n")
    assert below.folder == tmp_path / "freezer/user"
    # A container may name a folder that it cannot see.
    (top,) = hierarchies(mounts, "2:freezer:/gone\n")
    assert top.folder == tmp_path / "freezer"


@pytest.fixture
def tree() -> Hierarchy:
    """A real one: the kernel fills a group's folder, and takes it away with what it holds."""
    found = cpuset.detect().freezer
    if found is None:
        pytest.skip("no cgroups for this process")
    return found


def own(tree: Hierarchy) -> list[Path]:
    return list(tree.folder.glob(f"colocate-{os.getpid()}-*"))


def test_a_claim_ends_with_its_process_and_the_group_with_the_claim(tree: Hierarchy) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    stale = tree.folder / f"colocate-{gone.pid}-task"
    stale.mkdir()
    with contextlib.ExitStack() as stack:
        claim(tree.group("task"), stack)
        remove_stale(tree)
        assert tree.group("task").exists() and not stale.exists()
    remove_stale(tree)
    assert not tree.group("task").exists()


def test_own_groups_are_gone_however_the_block_ends(tree: Hierarchy) -> None:
    with pytest.raises(ZeroDivisionError), own_groups(tree) as stack:
        claim(tree.group("task"), stack)
        raise ZeroDivisionError
    assert own(tree) == []


def test_groups_of_others_are_left_alone(tmp_path: Path) -> None:
    for name in ("colocate-mine", "colocate-1-task"):
        (tmp_path / name).mkdir()
    clear(Hierarchy(tmp_path, 1, frozenset({"freezer"})), os.getpid())
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("markers", "switched_off"),
    [(["delegated_cpu"], {"-cpu"}), (["delegated_cpu", "delegated_cpuset"], {"-cpu", "-cpuset"}),
     (["delegated"], {"-cpuset"}), ([], set[str]())],
)  # fmt: skip
def test_what_a_killed_process_switched_on_is_switched_off_after_its_groups_are_gone(
    markers: list[str], switched_off: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A marker without a controller is an older version's."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    written, control = list[str](), tmp_path / "cgroup.subtree_control"

    def write(path: Path, text: str) -> None:
        assert path == control and not (tmp_path / f"colocate-{gone.pid}-task").exists()
        written.append(text)

    for name in ("task", *markers):
        (tmp_path / f"colocate-{gone.pid}-{name}").mkdir()
    monkeypatch.setattr(Path, "write_text", write)
    # A folder of plain files has no processes to kill.
    monkeypatch.setattr(groups, "_remove", Path.rmdir)
    remove_stale(Hierarchy(tmp_path, 2, frozenset({"cpuset", "cpu"})))
    assert set(written) == switched_off and len(written) == len(switched_off)
    assert not list(tmp_path.iterdir())


def test_a_killed_task_is_given_its_cpu_back_to_die_and_one_tree_that_fails_keeps_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound = {"cpu.idle": "1", "cpu.shares": "2", "cpu.cfs_quota_us": "2000", "cpu.max": "2000 10000"}
    trees = [Hierarchy(tmp_path / name, 1, frozenset({name})) for name in ("freezer", "cpu", "cpuset")]
    for tree in trees:
        tree.folder.mkdir()
        tree.group("task").mkdir()
    for name, value in bound.items():
        (trees[1].group("task") / name).write_text(value)
    cleared = list[str]()

    def remove(group: Path) -> None:
        cleared.append(group.parent.name)
        assert (trees[1].group("task") / "cpu.idle").read_text() == "0", "before anything is waited for"
        if group.parent.name == "freezer":
            raise HostError("it stays")

    monkeypatch.setattr(groups, "_remove", remove)
    with pytest.raises(HostError, match="it stays"):
        clear_all(trees, os.getpid())
    assert cleared == ["freezer", "cpu", "cpuset"]
    found = {name: (trees[1].group("task") / name).read_text() for name in bound}
    assert found == {"cpu.idle": "0", "cpu.shares": "1024", "cpu.cfs_quota_us": "-1", "cpu.max": "max"}
    assert not list(trees[0].group("task").iterdir()), "what it does not have is not made"


def test_a_group_that_stays_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = Hierarchy(tmp_path, 1, frozenset({"freezer"}))
    monkeypatch.setattr(groups, "_EMPTYING_S", 0.05)
    tree.group("task").mkdir()
    (tree.group("task") / "cgroup.procs").write_text("0\n")
    with pytest.raises(HostError, match="cannot remove the temporary cgroup"):
        clear(tree, os.getpid())
