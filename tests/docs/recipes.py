"""docs/extending.md as a program: its new files, its changes, its commands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "extending.md"
_BLOCK = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Recipe:
    """One section of the page: new files by their path, diffs, and shell commands."""

    new: dict[str, str]
    diffs: tuple[str, ...]
    commands: str

    @property
    def changed(self) -> tuple[str, ...]:
        """The files that are there already."""
        return tuple(_target(diff) for diff in self.diffs)

    def apply(self, tree: Path) -> None:
        """Do in `tree` what the page says."""
        for name, text in self.new.items():
            path = tree / name
            assert not path.exists(), f"{name} is there already"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        for diff in self.diffs:
            path = tree / _target(diff)
            path.write_text(_changed(path.read_text(encoding="utf-8"), diff), encoding="utf-8")

    def run(self, tree: Path) -> str:
        """Run the commands in `tree`, with this Python; what they print on stdout."""
        script = for_these_cpus(re.sub(r"^python ", f"'{sys.executable}' ", self.commands, flags=re.MULTILINE))
        done = subprocess.run(["sh", "-ec", script], cwd=tree, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout


def for_these_cpus(script: str) -> str:
    """The commands of a page; on one CPU there is none beside the network's, so that tasks share it, but for the
    model's, which always has four.
    """
    shared = len(os.sched_getaffinity(0)) == 1
    measured = r" colocate (sweep|jitter) (?!(?:.*\\\n)*.*--rig tx1-model)"
    return re.sub(measured, r" colocate \1 --placement shared ", script) if shared else script


def recipes() -> dict[str, Recipe]:
    """The sections of the page that have something to do, by their headings."""
    _, *sections = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found = {}
    for section in sections:
        heading, _, text = section.partition("\n")
        blocks = _BLOCK.findall(text)
        if blocks:
            found[heading] = Recipe(
                new={title: body for kind, title, body in blocks if kind == "python"},
                diffs=tuple(body for kind, _, body in blocks if kind == "diff"),
                commands="".join(body for kind, _, body in blocks if kind == "sh"),
            )
    return found


def packages(paths: set[str]) -> set[str]:
    """`paths`, with those of one new folder counted as that folder."""
    folders = {str(PurePosixPath(path).parent) for path in paths if path.endswith("/__init__.py")}
    return {folder if (folder := str(PurePosixPath(path).parent)) in folders else path for path in paths}


def _target(diff: str) -> str:
    (path,) = re.findall(r"^\+\+\+ b/(.+)$", diff, re.MULTILINE)
    return str(path)


def _changed(text: str, diff: str) -> str:
    """`text` with the hunks of `diff`, which have no line numbers: each must fit in one place alone."""
    _, *hunks = re.split(r"^@@\n", diff, flags=re.MULTILINE)
    assert hunks, "a diff without a hunk"
    for hunk in hunks:
        lines = hunk.splitlines(keepends=True)
        assert all(line[0] in " +-\n" for line in lines), hunk
        before = "".join(line[1:] or line for line in lines if line[0] != "+")
        after = "".join(line[1:] or line for line in lines if line[0] != "-")
        assert text.count(before) == 1, f"{_target(diff)} has changed: these lines are not there once:\n{before}"
        text = text.replace(before, after)
    return text
