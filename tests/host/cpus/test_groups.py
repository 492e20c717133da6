from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from colocate.errors import HostError
from colocate.host.cpus import cpuset, groups
from colocate.host.cpus.groups import (
    Hierarchy,
    claim,
    clear,
    clear_all,
    delegate,
    hierarchies,
    own_groups,
    remove_stale,
)


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
        claim(tree, tree.group("task"), stack)
        remove_stale(tree)
        assert tree.group("task").exists() and not stale.exists()
    remove_stale(tree)
    assert not tree.group("task").exists()


def another(code: str, *arguments: str) -> subprocess.Popen[str]:
    """A process that runs the code; `tree` is the cgroup tree that its first argument names."""
    begin = (
        "import contextlib, fcntl, os, sys\nfrom pathlib import Path\nfrom colocate.host.cpus import cpuset, groups\n"
        "tree = groups.Hierarchy(Path(sys.argv[1]), 2, frozenset({'cpuset'}))\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", begin + code, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_group_that_is_being_claimed_is_not_taken_for_a_stale_one(
    tree: Hierarchy, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, others = fcntl.flock, list[subprocess.Popen[str]]()

    def look_first(descriptor: int, operation: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").resolve() == tree.group("task"):
            others.append(
                another("groups._LOCKED_S = 3600\nprint(flush=True)\ngroups.remove_stale(tree)", str(tree.folder))
            )
            line_of(others[0])
            with contextlib.suppress(subprocess.TimeoutExpired):
                others[0].wait(0.5)
        lock(descriptor, operation)

    with own_groups(tree) as stack:
        monkeypatch.setattr(fcntl, "flock", look_first)
        claim(tree, tree.group("task"), stack)
        monkeypatch.undo()
        assert others[0].wait() == 0
        assert tree.group("task").exists()


def test_a_group_that_went_meanwhile_takes_no_other_of_its_process_along(
    tree: Hierarchy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when its owner ends, one group after the other, while another process looks for stale ones."""
    found = groups._is_claimed

    def late(group: Path) -> bool:
        if group == tree.group("first"):
            group.rmdir()
        return found(group)

    with own_groups(tree) as stack:
        for name in ("first", "second"):
            claim(tree, tree.group(name), stack)
        monkeypatch.setattr(groups, "_is_claimed", late)
        remove_stale(tree)
        assert own(tree) == [tree.group("second")]


def test_boards_that_make_and_remove_groups_at_once_leave_each_other_alone(tree: Hierarchy) -> None:
    code = (
        "for _ in range(20):\n"
        "    with cpuset.confined(cpuset.detect(), {'inference': (0,), 'task': (0,)}) as seats:\n"
        "        assert all(group.exists() for seat in seats.values() for group in seat.groups)\n"
    )
    boards = [another(code, str(tree.folder)) for _ in range(4)]
    assert [board.wait() for board in boards] == [0] * 4
    assert not [group for board in boards for group in tree.folder.glob(f"colocate-{board.pid}-*")]


def test_a_controller_stays_on_until_the_last_process_that_shares_it_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A folder of plain files has no processes to kill.
    monkeypatch.setattr(groups, "_remove", Path.rmdir)
    tree, control = Hierarchy(tmp_path, 2, frozenset({"cpuset"})), tmp_path / "cgroup.subtree_control"
    control.write_text("")
    code = (
        "with contextlib.ExitStack() as stack:\n"
        "    groups.delegate(tree, 'cpuset', stack)\n"
        "    print('on', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    other = another(code, str(tmp_path))
    assert line_of(other) == "on"
    with contextlib.ExitStack() as stack:
        # What the kernel shows once it is on.
        control.write_text("cpuset")
        delegate(tree, "cpuset", stack)
        assert len(list(tmp_path.glob("colocate-*-delegated_cpuset"))) == 2
        control.write_text("cpuset")
        clear(tree, os.getpid())
        assert control.read_text() == "cpuset", "the other process has groups that need it"
    other.communicate("")
    assert other.returncode == 0
    remove_stale(tree)
    assert control.read_text() == "-cpuset" and [path.name for path in tmp_path.iterdir()] == [control.name]


def test_a_controller_that_was_on_before_is_nobodys_to_switch_off(tmp_path: Path) -> None:
    control = tmp_path / "cgroup.subtree_control"
    control.write_text("cpuset")
    with own_groups(Hierarchy(tmp_path, 2, frozenset({"cpuset"}))) as stack:
        delegate(Hierarchy(tmp_path, 2, frozenset({"cpuset"})), "cpuset", stack)
        assert [path.name for path in tmp_path.iterdir()] == [control.name]
    assert control.read_text() == "cpuset"


def test_a_lock_of_somebody_elses_keeps_nothing_from_being_restored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "_LOCKED_S", 0.05)
    tree = Hierarchy(tmp_path, 1, frozenset({"freezer"}))
    other = another(
        "held = os.open(tree.folder, os.O_RDONLY)\nfcntl.flock(held, fcntl.LOCK_EX)\n"
        "print('held', flush=True)\nsys.stdin.read()",
        str(tmp_path),
    )
    assert line_of(other) == "held"
    gone = subprocess.Popen(["true"])
    gone.wait()
    (tmp_path / f"colocate-{gone.pid}-task").mkdir()
    monkeypatch.setattr(groups, "_remove", Path.rmdir)
    remove_stale(tree)
    assert not list(tmp_path.iterdir())
    other.communicate("")


def test_own_groups_are_gone_however_the_block_ends(tree: Hierarchy) -> None:
    with pytest.raises(ZeroDivisionError), own_groups(tree) as stack:
        claim(tree, tree.group("task"), stack)
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
