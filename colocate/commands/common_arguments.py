"""Flags and value parsers that several commands share. A flag is stored under its key in a study file.

The parsers raise argparse.ArgumentTypeError for text that they cannot read.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from colocate.errors import SpecError
from colocate.model.written import WrittenFloat

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from colocate.request.needs import Needs

_T = TypeVar("_T")
# Key -> the arguments of argparse's `add_argument`, and `otherwise`: the default in words, for the help.
Flags = Mapping[str, Mapping[str, Any]]
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d{1,4000}", re.ASCII)


def words(text: str) -> list[str]:
    """Split `a,b` into a and b."""
    return [word.strip() for word in text.split(",") if word.strip()]


def number(text: str) -> float:
    """Parse a finite number. Refuses `1_000` and digits of other scripts, which Python's `float` would take."""
    if not _NUMBER.fullmatch(text.strip()) or not math.isfinite(value := WrittenFloat(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return value


def whole_number(text: str) -> int:
    """Parse a whole number of at most 4000 digits; Python's own limit is 4300."""
    if not _WHOLE.fullmatch(text.strip()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def whole_numbers(text: str) -> list[int]:
    """Parse `1,2,4` as a list of whole numbers."""
    try:
        return [whole_number(word) for word in words(text)]
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of whole numbers such as 1,2,4") from None


def cpus(text: str) -> list[int]:
    """Parse a list of CPUs as the kernel writes it: `0-1,4`."""
    from colocate.host.cpus.cpu_list import parse_cpu_list

    try:
        return list(parse_cpu_list(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of CPUs such as 0 or 0-1,4") from None


def named_path(text: str) -> Path:
    """Parse a path. An empty one is refused: it often comes from a shell variable that is not set."""
    if not text.strip():
        raise argparse.ArgumentTypeError("an empty path names no folder or file")
    return Path(text)


class Entry(argparse.Action):
    """Collects repeated flags such as `--command NAME='argv ...'` in one table, like `[commands]` in a study file."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, *_: Any) -> None:
        """Add one entry. Refuses one without `=`, and a name that is there already."""
        name, equals, text = values.partition("=")
        if not equals:
            parser.error(f"{self.option_strings[0]} wants {self.metavar}, not {values!r}")
        entries = vars(namespace).setdefault(self.dest, {})
        if name.strip() in entries:
            parser.error(f"{self.option_strings[0]} {name.strip()} is given twice")
        entries[name.strip()] = text


class MixEntry(argparse.Action):
    """Collects repeated `--mix A+B` in one table, like `[mixes]` in a study file. The text is also the name."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, *_: Any) -> None:
        """Add one mix. Refuses one that is there already."""
        entries = vars(namespace).setdefault(self.dest, {})
        if values in entries:
            parser.error(f"{self.option_strings[0]} {values} is given twice")
        entries[values] = values


class _Refusal(argparse.Action):
    """Refuses the flag; its `metavar` says why this command has no use for it."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        parser.error(str(self.metavar))


def add_flags(parser: argparse._ActionsContainer, flags: Flags) -> None:
    """Add `flags` to `parser`. A flag that is not given leaves no attribute in the parsed arguments."""
    for key, flag in flags.items():
        # A flag that stands for a table has a singular name, because it gives one entry.
        one = {"mixes": "mix"}.get(key, key.removesuffix("s") if flag.get("action") is Entry else key)
        told = f"{flag['help']} (default: {flag['otherwise']})"
        own = {"dest": key, "default": argparse.SUPPRESS, **without(flag, "otherwise"), "help": told}
        parser.add_argument("--" + one.replace("_", "-"), **own)


def refuse_pipelines(parser: argparse.ArgumentParser, why: str) -> None:
    """Refuse `--pipeline`. `why` is the reason why this command cannot look at a program of the user's own."""
    parser.add_argument("--pipeline", action=_Refusal, metavar=why, help=argparse.SUPPRESS)


def add_needs(parser: argparse.ArgumentParser, needs: Needs) -> None:
    """Tell the parser which flags to refuse because they do nothing without others (`request.needs`, by key)."""
    parser.set_defaults(needs={**(parser.get_default("needs") or {}), **needs})


def add_run_flags(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add the flags of every command that stores a run, and return their group."""
    group = parser.add_argument_group("run")
    group.add_argument("--out", type=named_path, metavar="DIR", help="folder of the run (default: results/TIME-RIG)")
    group.add_argument("--resume", action="store_true", help="run what is missing of the run in --out")
    group.add_argument("--trust", action="store_true", help="use the folder --out although others can write in it")
    group.add_argument(
        "--dry-run",
        action="store_true",
        help="print the plan (on a real machine with its duration), or the reason why no plan is possible; with "
        "--json every trial",
    )
    group.add_argument(
        "--wait-for-machine", action="store_true", help="wait until no other sweep runs here (default: refuse)"
    )
    group.add_argument("--quiet", action="store_true", help="no progress")
    group.add_argument("--json", action="store_true", help="one JSON summary on stdout instead of tables")
    add_needs(parser, dict.fromkeys(("resume", "trust"), (("out",),)))
    return group


def add_forms(parser: argparse.ArgumentParser) -> None:
    """Add `--json` and `--markdown`, for a command that writes no run."""
    form = parser.add_argument_group("output").add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object on stdout instead of tables")
    form.add_argument("--markdown", action="store_true", help="a page of Markdown on stdout instead of tables")


def check_axes(axes: DataclassInstance) -> None:
    """Raise SpecError if an axis (a field of `axes`) is empty or names a value twice. The message names its flag."""
    for axis in dataclasses.fields(axes):
        values = getattr(axes, axis.name)
        if not values:
            raise SpecError(f"{axis.name}: name at least one")
        for value in values:
            if values.count(value) > 1:
                raise SpecError(f"{axis.name}: {value} is named twice")


def without(table: Mapping[str, _T], *keys: str) -> dict[str, _T]:
    """Return `table` without `keys`."""
    return {key: value for key, value in table.items() if key not in keys}


def only(table: Mapping[str, _T], *keys: str) -> dict[str, _T]:
    """Return the entries of `table` whose key is in `keys`."""
    return {key: value for key, value in table.items() if key in keys}


def given(arguments: argparse.Namespace, flags: Flags) -> dict[str, Any]:
    """Return the values of those `flags` that the user gave, by key."""
    return only(vars(arguments), *flags)
