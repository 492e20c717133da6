"""Every key of a study as a flag, with its group and its default."""

from __future__ import annotations

import argparse
import dataclasses
import re
from collections.abc import Mapping

import pytest

from colocate import cli
from colocate.cli import parser
from colocate.commands.study_flags import (
    GROUPS,
    LIMIT_FLAGS,
    OF_INPUTS,
    OF_TASKS,
    STUDY_FLAGS,
    WITHOUT_TASKS,
    add_study_flags,
)
from colocate.errors import SpecError
from colocate.model.limits import Limits
from colocate.request.limit_keys import LIMIT_KEYS
from colocate.request.spec import REPEATS, REPEATS_UNTIL_DECIDED, make_spec
from colocate.request.study_keys import StudyKeys
from colocate.study.plan import plan
from tests.docs.test_reference import commands
from tests.study.test_plan import TX1_CPU_HZ, TX1_GPU_HZ, facts


def test_every_key_of_a_study_is_a_flag() -> None:
    # Constants of a model are a table of numbers, which no flag holds.
    assert STUDY_FLAGS.keys() == StudyKeys.__dataclass_fields__.keys() - {"model"}
    assert LIMIT_FLAGS.keys() == {*LIMIT_KEYS} and STUDY_FLAGS.keys() >= {*OF_TASKS, *OF_INPUTS}
    assert sum(map(len, GROUPS.values())) == len(STUDY_FLAGS), "each in one group"


def test_the_defaults_that_are_told_are_those_of_the_keys() -> None:
    told = {key: flag["otherwise"] for key, flag in STUDY_FLAGS.items()}
    for field in dataclasses.fields(StudyKeys):
        default = field.default
        if isinstance(default, tuple):
            assert told[field.name].partition(";")[0] == ",".join(map(str, default))
        elif isinstance(default, (str, float)) and not isinstance(default, bool):
            assert told[field.name] == (f"{default:g}" if isinstance(default, float) else default)
    limits = Limits(slo_s=1.0)
    assert (told["percentile"], told["confidence"]) == (limits.percentile, str(limits.confidence))
    assert told["repeats"] == f"{REPEATS}, or {REPEATS_UNTIL_DECIDED} where --until decided is given"
    assert WITHOUT_TASKS["repeats"]["otherwise"] == str(REPEATS)
    assert told["seed"] == str(StudyKeys().seed)


@pytest.mark.parametrize("command", ["sweep", "efficiency", "layers"])
def test_help_is_grouped_and_tells_every_default(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args([command, "--help"])
    said = capsys.readouterr().out
    titles = [line.rstrip(":") for line in said.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert {"networks", "clocks", "windows", "machine", "run"} <= {*titles}
    assert ("limits" in titles) == (command == "sweep")


# ---- what help says of a flag that is not given holds in that command

# A default in words -> how the flag says the same, on the machines of these tests; None where nothing says it.
IN_WORDS: Mapping[str, str | None] = {
    **dict.fromkeys(
        ("none", "guessed", "random values", "back to back", "no limit", "no budget", "do not wait",
         "results/TIME-RIG", "refuse", "this machine runs it", "one to each board that is free",
         "measure all repeats", "chosen for each window", "the first GPU, else the CPU",
         "the one that has the runtime: colocate's own, else the system's", "what the network's file fixes, else 1",
         "alternating where tasks can be paused", "the first GPUs", "colocate's own"),
    ),
    "the first CPU": "0",
    "all but the last; with tasks, the first half of all": "0-2",
    "isolated; shared where there is one CPU": "isolated",
    "spin; tx1-model: block": "block",
    "5, or 30 where --until decided is given": "5",
    "alexnet,googlenet,resnet152; none if --pipeline is given": "alexnet,googlenet,resnet152",
    "low,mid,high where CPU and GPU clocks can be set, else native": "low,mid,high",
    "high where CPU and GPU clocks can be set, else native": "high",
}  # fmt: skip


def told_defaults(command: str) -> dict[str, str]:
    """Flag -> the default that the command's help tells."""
    found = {}
    for action in commands()[command]._actions:
        if match := re.search(r"\(default: (.*)\)$", (action.help or "").replace("%%", "%")):
            found[action.option_strings[0] if action.option_strings else action.dest] = match[1]
    return found


@pytest.mark.parametrize(
    ("command", "besides"),
    [
        ("sweep", ["--rig", "tx1-model", "--slo-ms", "30"]),
        ("layers", ["alexnet", "--rig", "tx1-model"]),
        ("efficiency", ["--rig", "tx1-model", "--slo-ms", "30"]),
        ("training", ["--data", "digits"]),
        ("training", ["--data", "digits", "--stressors", "jpeg"]),
    ],
)
def test_a_flag_that_says_the_default_of_its_command_changes_nothing(
    command: str, besides: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Board:
        def facts(self) -> object:
            return facts(cpu_steps_hz=TX1_CPU_HZ, gpu_steps_hz=TX1_GPU_HZ)

    studies = []
    monkeypatch.setattr(
        f"colocate.commands.{command}.run_study", lambda _, study, rig, __: studies.append((study, rig))
    )
    if command == "training":
        monkeypatch.setattr("colocate.rigs.registry.make_rig", lambda *_, **__: Board())
    said: list[str] = []
    for flag, told in told_defaults(command).items():
        value = IN_WORDS.get(told, told)
        if "jpeg" in besides and told.endswith("with tasks, the first half of all"):
            value = "0-1"
        if value is not None and flag not in besides and "|" not in flag:
            said += [value] if value == "--no-graph" else [flag, value]
    for flags in ([], said):
        assert cli.run([command, *besides, *flags]) == 0, flags
    (bare, rig), (asked, _) = studies
    assert plan(bare.spec, rig.facts()) == plan(asked.spec, rig.facts())


@pytest.mark.parametrize("command", commands())
def test_a_default_that_help_tells_is_the_one_that_is_taken(command: str) -> None:
    for action in commands()[command]._actions:
        if action.default not in (None, False, {}, [], argparse.SUPPRESS):
            assert f"(default: {action.default})" in (action.help or ""), action.option_strings


def test_flags_that_are_left_out_leave_no_empty_group(capsys: pytest.CaptureFixture[str]) -> None:
    own = argparse.ArgumentParser()
    add_study_flags(own, leave_out=LIMIT_FLAGS)
    said = own.format_help()
    assert "limits:" not in said and "--slo-ms" not in said and "tasks:" in said


def test_a_command_may_describe_a_flag_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    for command, default in (("training", "none"), ("sweep", "bitcount,jpeg,stringsearch")):
        with pytest.raises(SystemExit):
            parser().parse_args([command, "--help"])
        said = " ".join(capsys.readouterr().out.split())
        assert f"second network (default: {default})" in said


@pytest.mark.parametrize(
    "key", ["backend", "networks", "stressors", "rig", "precision", "wait", "design", "placement"]
)
def test_help_lists_what_is_told_of_an_unknown_word(key: str) -> None:
    several = isinstance(StudyKeys.__dataclass_fields__[key].default, tuple)
    with pytest.raises(SpecError, match=r"^unknown \w+ 'zzzzzz'; give .*one of ") as caught:
        make_spec({key: ["zzzzzz"] if several else "zzzzzz"})
    told = str(caught.value).rpartition("one of ")[2].split(", ")
    listed = re.split(r"[^\w-]+", STUDY_FLAGS[key]["help"])
    assert [word for word in told if word not in listed] == []
    if key == "backend":
        assert listed[1 : 1 + len(told)] == told
