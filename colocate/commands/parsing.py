"""An argument parser with short usage and grouped help, which suggests the nearest name for a misspelt one."""

from __future__ import annotations

import argparse
import itertools
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from colocate.errors import SpecError
from colocate.model.spelling import nearest, unknown
from colocate.report.text.numbers import listed
from colocate.request.needs import check_needs, flag_of


class _Help(argparse.HelpFormatter):
    """Wraps paragraphs to the width of the terminal; an indented line stays as it is."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        filled = []
        for in_paragraph, lines in itertools.groupby(text.splitlines(), lambda line: line[:1].strip() != ""):
            if in_paragraph:
                filled.append(textwrap.fill(" ".join(lines), width, initial_indent=indent, subsequent_indent=indent))
            else:
                filled += [f"{indent}{line}".rstrip() for line in lines]
        return "\n".join(filled)


class CommandParser(argparse.ArgumentParser):
    """A parser that raises SpecError for bad arguments, like for any bad request: one line, exit code 2."""

    def __init__(self, **settings: Any) -> None:
        # An abbreviation would mean another flag as soon as there is a second one like it.
        super().__init__(**{"allow_abbrev": False, "formatter_class": _Help, **settings})
        # The parsers of all commands by name: a flag that this one does not know may be one of theirs.
        self.commands: Mapping[str, CommandParser] = {}

    def error(self, message: str) -> NoReturn:
        """Raise SpecError with this message."""
        raise SpecError(f"{message}; see {self.prog} --help")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse like argparse, but raise SpecError for words that are left over. For an unknown flag it names the
        commands that have it, or suggests the nearest flag.

        Also raises SpecError for flags that do nothing because another is missing (`common_arguments.add_needs`).
        """
        found, left = super().parse_known_args(args, namespace)
        for word in left:
            flag = word.partition("=")[0]
            if flag.startswith("--") and flag != "--":
                self._refuse(flag)
        if left:
            # Raised here and not by the main parser, because its help does not list what the command takes.
            self.error(f"unexpected argument {left[0]!r}")
        check_needs(vars(found), self.get_default("needs") or {}, flag_of)
        return found, left

    def _refuse(self, flag: str) -> NoReturn:
        if others := [name for name, command in self.commands.items() if flag in command.flags]:
            raise SpecError(f"unknown flag {flag}: it is a flag of {listed(others)}")
        if near := nearest(flag[2:], [known[2:] for known in self.flags]):
            raise SpecError(f"unknown flag {flag}: did you mean --{near}?")
        self.error(f"unknown flag {flag}")

    @property
    def flags(self) -> list[str]:
        """The long flags that the help lists."""
        own = self._option_string_actions.items()
        return [flag for flag, action in own if flag.startswith("--") and action.help != argparse.SUPPRESS]

    def _print_message(self, message: str, file: Any = None) -> None:
        # argparse would ignore a failure to write.
        if (stream := file or sys.stderr) is not None:
            stream.write(message)

    def format_usage(self) -> str:
        """Return the usage as one line without flags: the help lists these below it, group by group."""
        return self._short_usage()

    def format_help(self) -> str:
        """Return the help, which begins with the short usage."""
        self.usage = self._short_usage().removeprefix("usage: ").rstrip().replace("%", "%%")
        return super().format_help()

    def _short_usage(self) -> str:
        named = (action for action in self._get_positional_actions())
        words = [f"[{each.metavar}]" if each.nargs == "?" else f"{each.metavar}" for each in named]
        return f"usage: {' '.join([self.prog, *words, '[options]'])}\n"

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        # Before Python 3.13 argparse drops the value `--` of a flag, and gives an empty list that it did not check.
        if action.option_strings and action.nargs is None and len(arg_strings) == 1:
            value = self._get_value(action, arg_strings[0])
            self._check_value(action, value)
            return value
        return super()._get_values(action, arg_strings)

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is None or value in action.choices:
            return
        choices: Sequence[str] = [str(each) for each in action.choices]
        what = action.option_strings[0] if action.option_strings else str(action.metavar).lower()
        raise SpecError(unknown(str(value), choices, what))
