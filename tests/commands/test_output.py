"""What commands print, whatever is in it and whoever reads it."""

from __future__ import annotations

import io
import json
import pickle
import sys
from collections.abc import Mapping

import pytest

from colocate.commands.output import print_json, print_lines, say, say_error
from colocate.errors import HostError


def test_json_has_no_number_that_json_does_not_have(capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[Mapping[str, object]] = [{"value": float("nan"), "ends": (1.5, float("inf"))}, {"value": None}]
    print_json({"rows": rows, "n": 3, "finished": True})
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    expected = {"rows": [{"value": None, "ends": [1.5, None]}, {"value": None}], "n": 3, "finished": True}
    assert json.loads(said) == expected


def test_results_and_remarks_have_each_their_stream(capsys: pytest.CaptureFixture[str]) -> None:
    print_lines("a\nb")
    say("remark")
    assert capsys.readouterr() == ("a\nb\n", "remark\n")


def test_details_of_a_failure_are_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    error = HostError("nothing works", ["a: no\nb", "c: install it"])
    say_error(str(error), error.details)
    assert capsys.readouterr().err == "colocate: nothing works\n  a: no\\nb\n  c: install it\n"
    assert error.words == "nothing works a: no\nb; c: install it" and HostError("nothing").words == "nothing"
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.details) == (str(error), error.details), "from another process too"


def test_a_reader_who_left_is_no_failure_of_a_remark(monkeypatch: pytest.MonkeyPatch) -> None:
    class Left(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    for stream in (Left(), None):
        monkeypatch.setattr(sys, "stderr", stream)
        say("remark")


def test_nothing_that_is_printed_acts_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_lines("a\x1b[2Jb\nc")
    say("\rremark")
    say_error("no \x9b31m\nstudy")
    assert capsys.readouterr() == ("a\\x1b[2Jb\nc\n", "\\rremark\ncolocate: no \\x9b31m\\nstudy\n")
