"""Flags that several commands share: the keys of a study file, in one line each."""

from __future__ import annotations

import argparse

import pytest

from colocate.cli import parser
from colocate.commands.common_arguments import given, number, whole_number, without, words
from colocate.commands.study_flags import STUDY_FLAGS
from colocate.errors import SpecError
from colocate.request.spec import make_spec


def parsed(*arguments: str) -> dict[str, object]:
    return given(parser().parse_args(["sweep", *arguments]), STUDY_FLAGS)


def test_a_flag_that_is_not_given_leaves_no_trace() -> None:
    assert parsed() == {}
    assert parsed("--no-graph", "--repeats", "3") == {"graph": False, "repeats": 3}


def test_flags_mean_what_the_keys_mean() -> None:
    flags = parsed(
        "--networks", "alexnet,googlenet", "--cpu-clocks", "102, high", "--inference-cpus", "0-1,4",
        "--placement", "isolated,shared", "--graph", "--slo-ms", "30", "--until", "decided", "--budget", "30m",
    )  # fmt: skip
    keys = {
        "networks": ["alexnet", "googlenet"], "cpu_clocks": ["102", "high"], "inference_cpus": [0, 1, 4],
        "placement": ["isolated", "shared"], "graph": True, "slo_ms": 30.0, "until": "decided", "budget": "30m",
    }  # fmt: skip
    assert flags == keys
    assert make_spec(flags) == make_spec(keys)


def test_commands_are_gathered_into_one_table() -> None:
    given_ = parsed("--command", "encoder=ffmpeg -i 'a=b.mp4'", "--command", " other =true")
    assert given_ == {"commands": {"encoder": "ffmpeg -i 'a=b.mp4'", "other": "true"}}
    with pytest.raises(SpecError, match=r"--command wants NAME='ARGV \.\.\.', not 'ffmpeg'"):
        parsed("--command", "ffmpeg")


def test_inputs_are_gathered_by_their_names() -> None:
    given_ = parsed("--shape", "x=1x3x8x8", "--shape", "rate=", "--input", "rate=16000", "--input", "a:b=f=1.npy")
    assert given_ == {"shapes": {"x": "1x3x8x8", "rate": ""}, "inputs": {"rate": "16000", "a:b": "f=1.npy"}}
    with pytest.raises(SpecError, match="--shape x is given twice"):
        parsed("--shape", "x=1", "--shape", "x=2")
    with pytest.raises(SpecError, match=r"--shape wants INPUT=1x3x320x320, not '1x3x8x8'"):
        parsed("--shape", "1x3x8x8")


@pytest.mark.parametrize(("text", "found"), [("a,b", ["a", "b"]), (" a , ,b,", ["a", "b"]), ("", []), (",", [])])
def test_words_are_parted_by_commas(text: str, found: list[str]) -> None:
    assert words(text) == found


def test_a_table_without_some_of_its_keys() -> None:
    assert without({"a": 1, "b": 2}, "b", "c") == {"a": 1}
    assert given(argparse.Namespace(repeats=2, out=None), STUDY_FLAGS) == {"repeats": 2}


@pytest.mark.parametrize("flag", ["slo-ms", "repeats", "seed", "window", "batch", "confidence", "max-start-temp"])
@pytest.mark.parametrize("text", ["--", "-", "", "nan", "inf", "1e999", "1_000", "\u0661", "0x10", "9" * 5000 + "x"])
def test_what_is_no_number_is_refused_by_its_flag(flag: str, text: str) -> None:
    with pytest.raises(SpecError, match=f"argument --{flag}: .* is not a (whole )?number"):
        parsed(f"--{flag}={text}")


def test_numbers_are_read_as_people_write_them() -> None:
    assert [number(text) for text in ("1", " -2.5 ", "+.5", "1.", "1e-3", "3E8")] == [1, -2.5, 0.5, 1, 1e-3, 3e8]
    assert [whole_number(text) for text in ("1", " -2 ", "+5")] == [1, -2, 5]


def test_two_dashes_are_a_value_like_any_other() -> None:
    assert parsed("--backend=--", "--networks=--", "--command", "a=--") == {
        "backend": "--", "networks": ["--"], "commands": {"a": "--"}
    }  # fmt: skip


def test_a_mix_is_given_once() -> None:
    assert parsed("--mix", "a+b", "--mix", "b+a") == {"mixes": {"a+b": "a+b", "b+a": "b+a"}}
    with pytest.raises(SpecError, match=r"--mix a\+b is given twice"):
        parsed("--mix", "a+b", "--mix", "a+b")
