"""What the reports of `efficiency` and `training` share: their first and last lines, and the settings chosen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from colocate.model.machine import HostFacts
from colocate.model.quality import QualityFlag, in_order
from colocate.report.text.captions import machine_words
from colocate.report.text.labels import plain
from colocate.report.text.numbers import counted
from colocate.report.text.tables import escaped, print_warnings

# A network, and in words what is chosen for it.
Choice = tuple[str, str]


def markdown_head(folder: Path, facts: HostFacts, done: int, planned: int) -> list[str]:
    """The first lines of a run's report.md: its title, the machine, and how many trials are done."""
    trials = f"{done} of {counted(planned, 'trial')}"
    return [
        f"# colocate: run {escaped(plain(folder.absolute().name))}",
        "",
        escaped(f"{machine_words(facts)}, {trials}."),
        "",
    ]


def markdown_choices(heading: str, choices: Iterable[Choice]) -> list[str]:
    """A heading, and a line for each network with the settings chosen for it."""
    lines = (f"- **{escaped(network)}**: {escaped(words)}" for network, words in choices)
    return [f"## {escaped(heading)}", "", *lines, ""]


def markdown_warnings(warnings: Collection[QualityFlag]) -> list[str]:
    """A line for each warning, with what to do about it."""
    lines = [f"- {escaped(f'{warning.value}: {warning.remedy}')}" for warning in in_order({*warnings})]
    return ["", *lines] if lines else []


def shared_parts(parts: Sequence[Sequence[str]]) -> frozenset[str]:
    """The words that all settings have in common. Each of `parts` is one setting as a list of words."""
    return frozenset.intersection(*map(frozenset, parts)) if parts else frozenset()


def print_head(out: Console, facts: HostFacts, done: int, planned: int, shared: Collection[str]) -> None:
    """Print the machine, how many trials are done, and what all settings share."""
    trials = f"{done} of {planned} trials"
    out.print(Text(f"{machine_words(facts)}; {', '.join([trials, *sorted(shared)])}"))
    out.print()


def print_end(
    out: Console, over: str, file: str, numbers: Mapping[QualityFlag, str], failed: Sequence[bool], *, narrow: bool
) -> None:
    """Print what intervals are computed `over`, the warnings with their numbers, and how many settings `failed`.

    With `narrow` some intervals are not shown; then `file` is named, which has them.
    """
    others = f" Those of the other quantities are in {file}." if narrow else ""
    out.print(f"± is half a 95 % interval over {over}.{others}", highlight=False)
    print_warnings(out, numbers)
    if any(failed):
        out.print(f"{sum(failed)} of {len(failed)} settings failed: see {file}", highlight=False)


def print_choices(out: Console, heading: str, choices: Iterable[Choice]) -> None:
    """Print `heading`, and a line for each network with the settings chosen for it."""
    out.print()
    out.print(Text(f"{heading}:", style="bold"))
    for network, words in choices:
        line = Text.assemble((plain(network), "bold"), ": ", words)
        out.print(Padding(line, (0, 0, 0, 2), expand=False))
