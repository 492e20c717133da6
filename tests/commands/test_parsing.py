"""A parser that is short at the top, and names what was probably meant."""

from __future__ import annotations

import argparse

import pytest

from colocate.commands.parsing import CommandParser
from colocate.errors import SpecError


def parser() -> CommandParser:
    own = CommandParser(prog="colocate show")
    own.add_argument("folder", metavar="RUN")
    own.add_argument("file", nargs="?", metavar="FILE")
    own.add_argument("--slo-ms", type=float)
    own.add_argument("--form", choices=("text", "page"))
    return own


def test_usage_is_one_line_whatever_the_flags() -> None:
    assert parser().format_usage() == "usage: colocate show RUN [FILE] [options]\n"
    assert parser().format_help().startswith("usage: colocate show RUN [FILE] [options]\n\n")
    assert "--slo-ms" in parser().format_help()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--slo-mss", "3"], "unknown flag --slo-mss: did you mean --slo-ms?"),
        (["run", "--slo-mss=3"], "unknown flag --slo-mss: did you mean --slo-ms?"),
        (["run", "--zzz"], "unknown flag --zzz; see colocate show --help"),
        (["run", "--slo", "3"], "unknown flag --slo: did you mean --slo-ms?"),
        (["run", "--form", "pag"], "unknown --form 'pag'; did you mean 'page'?"),
        (["run", "file", "more"], "unexpected argument 'more'; see colocate show --help"),
        ([], "the following arguments are required: RUN"),
        (["run", "--slo-ms=--"], "invalid float value: '--'"),
    ],
)
def test_what_is_wrong_is_one_line(arguments: list[str], said: str) -> None:
    with pytest.raises(SpecError, match=said.replace("?", r"\?")):
        parser().parse_args(arguments)


def test_a_flag_of_other_commands_is_named_with_these_unless_they_hide_it() -> None:
    show, others = parser(), {name: CommandParser(prog=f"colocate {name}") for name in ("one", "two", "three")}
    show.commands = {"show": show, **others}
    for flag, of in (("--slo-m", ["one"]), ("--size", ["one", "three"]), ("--form-of", [*others])):
        for name in of:
            others[name].add_argument(flag)
    others["two"].add_argument("--size", help=argparse.SUPPRESS)
    for flag, said in (
        ("--slo-m", "unknown flag --slo-m: it is a flag of one"),
        ("--size=3", "unknown flag --size: it is a flag of one and three"),
        ("--form-of", "unknown flag --form-of: it is a flag of one, two and three"),
        ("--slo-mss", "unknown flag --slo-mss: did you mean --slo-ms?"),
    ):
        with pytest.raises(SpecError) as failed:
            show.parse_args(["run", flag])
        assert str(failed.value) == said


def test_what_is_right_is_parsed() -> None:
    found = parser().parse_args(["run", "--slo-ms", "3", "--form", "page"])
    assert (found.folder, found.file, found.slo_ms, found.form) == ("run", None, 3.0, "page")


@pytest.mark.parametrize("columns", [40, 80, 147])
def test_paragraphs_are_broken_where_the_terminal_ends_and_formulas_are_not(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    words, formula = " ".join(f"word{number}" for number in range(40)), "    f = 1    if late"
    own = CommandParser(prog="colocate show", description=f"{words}\n{words}\n\n{formula}\n\n{words}")
    said = own.format_help()
    assert max(map(len, said.splitlines())) <= columns
    assert f"\n\n{formula}\n\nword0 word1" in said
    assert " ".join(said.split()).count(words) == 3 and f"{words} {words}" in " ".join(said.split())
