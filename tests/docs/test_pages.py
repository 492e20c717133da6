"""What the pages name is there: files, links, commands, flags, exit codes, and the numbers that code can tell."""

from __future__ import annotations

import argparse
import importlib.metadata
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

import colocate
from colocate import errors
from colocate.cli import parser
from colocate.commands import find_commands
from colocate.model.quality import QualityFlag
from colocate.study import evidence, interference
from colocate.study.sequential import Schedule
from colocate.study.stats import samples_needed
from tests.docs.recipes import ROOT, recipes

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
# Below which a page's paths may lie.
BASES = (ROOT, ROOT / "colocate")
# A file or folder of ours as a page writes it. NAME stands for one that the reader makes.
_PATH = re.compile(r"\w+(?:/[\w.-]+)*(?:/|\.(?:py|md|sh|toml))")
# What a run writes, and what the reader makes.
_NOT_OURS = re.compile(r".*NAME.*|best\.toml|study\.toml|figures/|report\.md|results/NAME")


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def quoted(page: Path) -> list[str]:
    """What stands in single backticks outside of blocks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.M | re.S))


def command_lines(text: str) -> Iterator[list[str]]:
    """The arguments of every `python -m colocate ...` in shell blocks and comments."""
    joined = re.sub(r"\\\n#? *", "", text)
    for line in re.findall(r"python -m colocate (.+)$", joined, flags=re.MULTILINE):
        found = shlex.split(re.split(r" && | \| |`", line)[0], comments=True)
        yield [word.rstrip(".,:;") for word in found]


def known_flags() -> set[str]:
    """Every flag of every command, and of `python -m cpu_workloads`."""
    found = {"--seconds", "--iterations", "--child", "--list"}
    for module in find_commands().values():
        own = argparse.ArgumentParser()
        module.add_arguments(own)
        found |= set(own._option_string_actions)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_exists(page: Path) -> None:
    named = {word for word in quoted(page) if _PATH.fullmatch(word) and not _NOT_OURS.fullmatch(word)}
    made_by_recipes = [path for recipe in recipes().values() for path in recipe.new]
    missing = {
        word
        for word in named
        if not any((base / word).exists() for base in BASES)
        # In a table or a sentence about one folder a name stands for itself.
        and not ("/" not in word.rstrip("/") and [*(ROOT / "colocate").rglob(word.rstrip("/"))])
        and not any(word in path for path in made_by_recipes)
    }
    assert missing <= ({"results/sixteen-cpu-server/"} if page.name == "CHANGELOG.md" else set())


def test_the_map_of_the_architecture_names_files_and_folders_alone() -> None:
    page = text_of("docs/architecture.md")
    table = page[page.index("## Where to change what") : page.index("## The floors")]
    rows = re.findall(r"^\| (?!I want|---)(.+) \| (.+) \|$", table, flags=re.MULTILINE)
    assert len(rows) > 25
    for what, where in rows:
        assert any(_PATH.fullmatch(word) for word in re.findall(r"`([^`]+)`", where)), what


def test_every_room_is_on_a_floor() -> None:
    page = text_of("docs/architecture.md")
    floors = page[page.index("## The floors") : page.index("Six rules")]
    rooms = {path.name for path in (ROOT / "colocate").iterdir() if path.name not in ("__init__.py", "__pycache__")}
    rooms -= {"py.typed"}
    assert rooms == {word.rstrip("/") for word in re.findall(r"`([\w/.]+)`", floors)} & rooms


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert all(link.startswith("https://") or (page.parent / link).exists() for link in links)


@pytest.mark.parametrize(
    "page",
    [page for page in (*PAGES, *sorted((ROOT / "examples").glob("*.toml"))) if page.name != "extending.md"],
    ids=lambda page: page.name,
)
def test_every_command_line_is_one(page: Path) -> None:
    found = list(command_lines(page.read_text(encoding="utf-8")))
    for arguments in found:
        parser().parse_args(arguments)
    assert found or page.name in ("CHANGELOG.md", "architecture.md", "statistics.md", "measuring.md", "reference.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_flag_and_command_exists(page: Path) -> None:
    flags, commands = known_flags(), find_commands().keys() | {"jitter"}
    for words in quoted(page):
        named = set(re.findall(r"(?<![\w-])--[a-z][\w-]+", words))
        if not words.startswith(("uv ", "pip ", "python -m tests.", "efficiency")):
            assert named <= flags | {"--help"}, words
        match = re.match(r"colocate ([a-z]+)\b", words)
        assert match is None or match[1] in commands, words


def test_the_exit_codes_are_those_of_the_errors() -> None:
    table = dict(re.findall(r"^\| (\d+) \| `(\w+)` \|", text_of("docs/architecture.md"), flags=re.MULTILINE))
    told = {name: int(code) for code, name in table.items()}
    found = {
        each.__name__: each.exit_code
        for each in errors.ColocateError.__subclasses__()
        if each is not errors.TrialError
    }
    assert told == found


def test_the_statistics_tell_the_numbers_of_the_code() -> None:
    page = text_of("docs/statistics.md")
    told = re.findall(r"^\| p(\d\d) \| (\d+) \|$", page, flags=re.MULTILINE)
    assert [(percent, int(n)) for percent, n in told] == [
        (percent, samples_needed(int(percent) / 100)) for percent in ("50", "95", "99")
    ]
    assert ", ".join(map(str, Schedule(30).repeats)) in " ".join(page.split())
    reading = " ".join(text_of("docs/reading.md").split())
    assert f"A p95 takes {samples_needed(0.95)} and a p99 needs {samples_needed(0.99)} *independent*" in reading
    assert f"a p95 takes {samples_needed(0.95)} independent ones" in text_of("docs/asking.md")


def test_the_statistics_name_every_warning_that_leaves_windows_out() -> None:
    page = text_of("docs/statistics.md")
    table = page[page.index("| warning | effect") : page.index("The second and the fourth row")]
    named = {flag for flag in QualityFlag if f"*{flag.value}*" in table}
    assert named == interference.DISTURBED | evidence._MISREAD | evidence.WITHHOLDING


def test_the_readme_fits_on_a_few_screens() -> None:
    assert len(text_of("README.md").splitlines()) <= 150


def test_the_version_stands_in_one_place() -> None:
    assert importlib.metadata.version("colocate") == colocate.__version__
    assert "version = attr: colocate.version.__version__" in text_of("setup.cfg")
    assert f"## {colocate.__version__} - " in text_of("CHANGELOG.md")
    assert colocate.__version__ not in text_of("setup.cfg") + text_of("pyproject.toml")
