from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from colocate.errors import Interrupted
from colocate.host.cpus.cpuset import AFFINITY_ALONE, Seat
from colocate.host.cpus.groups import Hierarchy
from colocate.host.processes.child import Child
from colocate.model.command import Command
from colocate.model.containment import parse_containment
from colocate.model.request import Inference, Pipeline, Placement, Task
from colocate.rigs.host.children import CLEANUP_TIMEOUT_S, Children, Seats, task_places
from tests.rigs.host.trials import CPUS, trial
from tests.worker.pipelines import PATTERN, prints

ISOLATED = Placement("isolated", CPUS[:1], CPUS[-2:], CPUS[-1:])
SHARED = Placement("shared", CPUS[:1], CPUS, CPUS[-1:])
TREE = Hierarchy(Path("/sys/fs/cgroup"), 2, frozenset({"cpuset", "cpu"}))
PLACES = {"isolated": CPUS[-2:], "shared": CPUS}


class EverySeat(Seats):
    """A seat for whatever task comes, by its placement."""

    def of(self, task: Task, place: Placement) -> Seat:
        return Seat(PLACES[place.name])


SEATS = EverySeat(Seat(CPUS[:1]), {})
ONE, OTHER = trial("spin-1ms"), trial("spin-2ms")


def process(child: Child) -> psutil.Process:
    return psutil.Process(child._process.pid)


def cpus(child: Child) -> set[int]:
    return os.sched_getaffinity(child._process.pid)


@pytest.fixture
def children() -> Iterator[Children]:
    assert ONE.inference is not None and OTHER.inference is not None
    found = Children(SEATS, {ONE.inference: None, OTHER.inference: None})
    yield found
    found.close()


def test_one_network_is_loaded_at_a_time(children: Children) -> None:
    (first,) = children.worker(ONE)
    assert first.facts["runtime"]["spin_s"] == 0.001
    assert cpus(first) == set(CPUS[:1])
    assert children.worker(ONE) == [first]
    running = process(first)
    (second,) = children.worker(OTHER)
    assert second is not first
    assert not running.is_running()
    assert children.worker(trial(None)) == []
    assert not psutil.pid_exists(second._process.pid)


def test_a_pipeline_has_the_networks_cpus_and_who_listens_sits_elsewhere(children: Children) -> None:
    network = Inference("cam", "pipeline", precision="", pipeline=Pipeline(prints(), PATTERN))
    asked = dataclasses.replace(ONE, inference=network, placement=ISOLATED)
    (listener,) = children.worker(asked)
    assert listener.name == "cam"
    assert cpus(listener) == set(CPUS[-1:])
    (program,) = process(listener).children()
    assert os.sched_getaffinity(program.pid) == set(CPUS[:1])
    assert children.worker(asked) == [listener], "it runs on"
    children.worker(OTHER)
    assert not psutil.pid_exists(program.pid)


def test_a_built_in_runs_once_on_each_cpu_and_is_kept(children: Children) -> None:
    asked = trial(None, Task("stringsearch"), placement=ISOLATED)
    started = children.tasks(asked)
    assert [cpus(child) for child in started] == [{cpu} for cpu in CPUS[-2:]]
    assert children.tasks(asked) == started
    elsewhere = children.tasks(trial(None, Task("stringsearch"), placement=SHARED))
    assert len(elsewhere) == len(CPUS)
    assert all(process(child).is_running() for child in started)
    assert children.tasks(trial(None)) == []


@pytest.mark.parametrize("argv", [(), ("sleep", "1000")])
def test_where_no_group_can_bound_each_containment_has_processes_of_its_own(argv: tuple[str, ...]) -> None:
    name = "sleep" if argv else "stringsearch"
    bounds = ["none", "idle", "weight=10", "idle+cpus=1", "idle+fifo"]
    asked = [
        trial(None, Task(name, argv, containment=parse_containment(words)), placement=SHARED) for words in bounds
    ]
    places = task_places(asked, AFFINITY_ALONE)
    assert len(places) == len(bounds) - 1, "fifo is the network's"
    seats = Seats(
        Seat(CPUS[:1]), {key: Seat(cpus, (), key[1].containment) for key, (_, cpus) in places.items()}, AFFINITY_ALONE
    )
    found = Children(seats, {})
    try:
        started = [found.tasks(each) for each in asked]
        policies = [os.sched_getscheduler(process(children[0]).pid) for children in started]
        assert policies == [os.SCHED_OTHER, os.SCHED_IDLE, os.SCHED_OTHER, os.SCHED_IDLE, os.SCHED_IDLE]
        own = os.getpriority(os.PRIO_PROCESS, 0)
        assert process(started[2][0]).nice() == min(19, own + 10)
        assert cpus(started[3][0]) == set(CPUS[:1]) and len(started[3]) == 1
        assert started[4] == started[1]
    finally:
        found.close()


def test_where_groups_can_the_same_processes_serve_all_but_fewer_copies() -> None:
    held = dataclasses.replace(AFFINITY_ALONE, cpusets=TREE, shares=TREE)
    bounds = [parse_containment(words) for words in ("none", "idle", "weight=10+fifo", "quota=20%", "cpus=1")]
    for argv, seats in (((), 2), (("sleep", "1000"), 1)):
        asked = [trial(None, Task("mine", argv, containment=bound), placement=SHARED) for bound in bounds]
        assert len(task_places(asked, held)) == seats


def test_a_program_of_the_users_own_runs_once_on_all_cpus(children: Children) -> None:
    (child,) = children.tasks(trial(None, Task("mine", ("sleep", "1000")), placement=SHARED))
    assert cpus(child) == set(CPUS)
    assert child.name == "mine"


def test_all_end_together_and_come_back_when_wanted(children: Children) -> None:
    asked = trial("spin-1ms", Task("stringsearch"), placement=ISOLATED)
    before = [*children.worker(asked), *children.tasks(asked)]
    running = [process(child) for child in before]
    children.close()
    assert not any(each.is_running() for each in running)
    children.close()
    after = [*children.worker(asked), *children.tasks(asked)]
    assert len(after) == len(before) and not set(after) & set(before)


def test_a_task_that_is_not_ready_is_not_waited_for(children: Children, monkeypatch: pytest.MonkeyPatch) -> None:
    waited_s: list[float] = []
    closed = Child.close

    def close(child: Child, timeout_s: float) -> tuple[int, str]:
        waited_s.append(timeout_s)
        return closed(child, timeout_s)

    def interrupted(child: Child, timeout_s: float) -> None:
        raise Interrupted(signal.SIGTERM)

    monkeypatch.setattr(Child, "close", close)
    mine = trial(None, Task("mine", ("sleep", "1000"), command=Command(cleanup=("true",))), placement=SHARED)
    with monkeypatch.context() as unready:
        unready.setattr(Child, "ready", interrupted)
        with pytest.raises(Interrupted):
            children.tasks(mine)
    children.close()
    children.tasks(mine)
    children.close()
    assert waited_s == [0.0, CLEANUP_TIMEOUT_S]


def test_only_windows_of_the_profiled_network_end_with_a_profile(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commands: list[str] = []

    class Started:
        """In place of a process: what it would have been told."""

        def __init__(self, name: str, command: list[str], seat: Seat) -> None:
            commands.append(command[-1])

        def ready(self, timeout_s: float) -> None: ...

        def close(self) -> None: ...

    monkeypatch.setattr("colocate.rigs.host.children.Child", Started)
    one, other = (trial(str(tmp_path / name), backend="onnxruntime-cpu") for name in ("one.onnx", "other.onnx"))
    assert one.inference is not None and other.inference is not None
    found = Children(SEATS, {one.inference: None, other.inference: None}, profiled=one.inference.network)
    for asked in (one, other):
        found.worker(asked)
    assert ['"profiled": true' in command for command in commands] == [True, False]


def test_the_parts_of_a_mix_are_the_processes_of_the_tasks_alone(children: Children) -> None:
    mine, own = Task("mine", ("sleep", "1000")), Task("stringsearch")
    mix = trial(
        None,
        Task("both", parts=(own, mine)),
        placement=ISOLATED,
    )
    started = children.tasks(mix)
    # A stressor has a process for each CPU of its place, a program has one.
    assert [child.name for child in started] == ["stringsearch"] * len(ISOLATED.task_cpus) + ["mine"]
    assert children.tasks(trial(None, mine, placement=ISOLATED)) == started[-1:]
    assert [[*seated.children] for seated in children.seated(mix)] == [started[:-1], started[-1:]]


def test_a_network_as_a_task_runs_once_on_the_tasks_cpus(children: Children) -> None:
    assert ONE.inference is not None
    (child,) = children.tasks(
        trial("spin-2ms", Task("network:spin-1ms", inference=ONE.inference), placement=ISOLATED)
    )
    assert cpus(child) == set(CPUS[-2:])
    assert child.facts["unit"] == "inferences"


def test_each_part_of_a_mix_has_a_seat_and_shares_it_with_the_task_alone() -> None:
    one, other = Task("jpeg"), Task("mine", ("true",))
    places = task_places([trial(None, one), trial(None, Task("m", parts=(one, other)))], AFFINITY_ALONE)
    assert [name for name, _ in places.values()] == ["shared_0", "shared_1"]
    assert {task.name for _, task in places} == {"jpeg", "mine"}
