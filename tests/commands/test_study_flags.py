"""Every key of a study as a flag, with its group and its default."""

from __future__ import annotations

import argparse
import dataclasses
import re

import pytest

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
            assert told[field.name] == ",".join(map(str, default))
        elif isinstance(default, (str, float)) and not isinstance(default, bool):
            assert told[field.name] == (f"{default:g}" if isinstance(default, float) else default)
    limits = Limits(slo_s=1.0)
    assert (told["percentile"], told["confidence"]) == (limits.percentile, str(limits.confidence))
    assert told["repeats"] == f"{REPEATS}; with --until {REPEATS_UNTIL_DECIDED}"
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
