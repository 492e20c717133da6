"""Tasks that run at once, and networks that are tasks: what a study file and a flag make of them."""

from __future__ import annotations

from typing import Any

import pytest

from colocate.errors import SpecError
from colocate.model.containment import Containment
from colocate.model.request import Inference, Task
from colocate.request.spec import make_spec
from colocate.request.study_file import read_study, study_file
from colocate.study.plan import plan
from tests.study.test_plan import facts

IDLE, FEW = Containment(idle=True), Containment(cpus=2, idle=True)
KEYS: dict[str, Any] = {"networks": ["spin-1ms"], "commands": {"mine": "true"}, "stressors": ["jpeg"]}


def mixes(mixed: dict[str, Any], **keys: Any) -> list[Task]:
    return [task for task in make_spec({**KEYS, "mixes": mixed, **keys}).tasks if task.parts]


def parts(mix: Task) -> dict[str, Containment | None]:
    return {part.name: part.containment for part in mix.parts}


@pytest.mark.parametrize(
    "keys",
    ["jpeg@idle+cpus=2+mine", ["jpeg@idle+cpus=2", "mine"], {"jpeg": "cpus=2+idle", "mine": "none"}],
)
def test_a_mix_is_a_line_a_list_or_a_table(keys: Any) -> None:
    (mix,) = mixes({"both": keys})
    assert (mix.name, mix.containment, mix.pause) == ("both", None, True)
    assert parts(mix) == {"jpeg": FEW, "mine": None}
    assert [part.argv for part in mix.members] == [(), ("true",)]


def test_tasks_alone_stand_beside_their_mix() -> None:
    found = make_spec({**KEYS, "mixes": {"jpeg+bitcount": "jpeg+bitcount"}}).tasks
    assert [task.name for task in found] == ["jpeg", "mine", "jpeg+bitcount"], "bitcount is in the mix alone"
    assert found[0].members == (found[0],)


def test_the_studys_containments_are_those_of_parts_that_have_none_of_their_own() -> None:
    axis = ["none", "idle"]
    free, idle = mixes({"m": "jpeg+mine@weight=10"}, containment=axis)
    assert (free.containment, idle.containment) == (None, IDLE)
    assert parts(free) == {"jpeg": None, "mine": Containment(weight=10)}
    assert parts(idle) == {"jpeg": IDLE, "mine": Containment(weight=10)}
    (once,) = mixes({"m": "jpeg@none+mine@weight=10"}, containment=axis)
    assert parts(once) == {"jpeg": None, "mine": Containment(weight=10)}


def test_one_part_that_must_not_be_paused_keeps_the_mix_from_it() -> None:
    kept = {"mine": {"command": "true", "pause": False}}
    assert [mix.pause for mix in mixes({"m": "jpeg+mine", "n": "jpeg+bitcount"}, commands=kept)] == [False, True]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"m": "jpeg"}, "mixes.m: a mix is of two different tasks"),
        ({"m": "jpeg+jpeg@idle"}, "mixes.m: a mix is of two different tasks"),
        ({"m": "jpeg+bitcont"}, "unknown stressor 'bitcont'; did you mean 'bitcount'?"),
        ({"m": "jpeg@idel+mine"}, "mixes.m: containment: 'idel' is none that is known"),
        ({"m": "jpeg@+mine"}, "mixes.m: 'jpeg@' names no containment; write encoder+logger"),
        ({"m": ["@idle", "mine"]}, "mixes.m: '@idle' names no task; write encoder+logger"),
        # As a flag gives them.
        ({"jpeg": "jpeg"}, "--mix jpeg: a mix is of two different tasks or more; write encoder+logger"),
        ({"+": "+"}, "--mix +: '' names no task; write encoder+logger"),
        ({"jpeg+": "jpeg+"}, "--mix jpeg+: '' names no task"),
        ({"": ""}, "--mix : '' names no task"),
        ({"jpeg+network:": "jpeg+network:"}, "--mix jpeg+network:: network: names no network; write it behind"),
        ({"mine": "jpeg+bitcount"}, "mixes.mine: this is the name of a task"),
        ({"a;b": "jpeg+bitcount"}, "mixes: 'a;b' cannot name a mix"),
        ({"m": 3}, "mixes.m: "),
    ],
)
def test_what_makes_no_mix_is_said(keys: Any, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        mixes(keys)
    assert said in str(caught.value)


def test_a_network_is_a_task_run_as_the_study_runs_networks(tmp_path: Any) -> None:
    found = make_spec({**KEYS, "stressors": ["network:spin-2ms"], "period_ms": 20.0, "batch": 2}).tasks
    assert found[0] == Task("network:spin-2ms", inference=Inference("spin-2ms", "synthetic", batch=2))
    named = make_spec(
        {"stressors": [f"network:{tmp_path}/mine.onnx"], "mixes": {"m": f"jpeg+network:{tmp_path}/mine.onnx"}}
    )
    assert named.tasks[0].name == "network:mine.onnx"
    assert named.tasks[1].parts[1] == named.tasks[0]
    with pytest.raises(SpecError, match="unknown network 'alexnot'; did you mean 'alexnet'"):
        make_spec({"stressors": ["network:alexnot"]})
    with pytest.raises(SpecError, match=r"^network: names no network; write it behind the colon"):
        make_spec({"stressors": ["network: "]})
    with pytest.raises(SpecError, match="network:cam: a pipeline cannot be a task"):
        make_spec({"pipelines": {"cam": "true"}, "stressors": ["network:cam"]})


def test_the_file_of_a_study_with_mixes_means_the_same(tmp_path: Any) -> None:
    keys = {**KEYS, "mixes": {"a": "jpeg+mine", "b": ["jpeg", "mine@idle"], "c": {"jpeg": "idle", "mine": "none"}}}
    path = tmp_path / "study.toml"
    path.write_text(study_file(keys))
    assert make_spec(read_study(path)) == make_spec(keys)


def test_every_part_is_in_the_ids_and_networks_get_their_runtime() -> None:
    def ids(mix: str) -> set[str]:
        spec = make_spec({**KEYS, "networks": ["alexnet"], "mixes": {"m": mix}, "repeats": 1})
        return {trial.trial_id for trial in plan(spec, facts()) if trial.task and trial.task.parts}

    assert len({frozenset(ids(mix)) for mix in ("jpeg+mine", "jpeg+bitcount", "jpeg@idle+mine")}) == 3
    spec = make_spec({**KEYS, "networks": ["alexnet"], "mixes": {"m": "jpeg+network:alexnet"}, "repeats": 1})
    tasks = [member for trial in plan(spec, facts()) if trial.task for member in trial.task.members]
    assert {task.inference.backend for task in tasks if task.inference} == {facts().backends[0]}
