"""The workflow and the hooks name what is there. No YAML reader is needed for it, nor used."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest

from tests.docs.recipes import ROOT

WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
HOOKS = ROOT / ".pre-commit-config.yaml"
# What a line of YAML may be in these two files: a comment, or a key or an entry of a list.
_LINE = re.compile(r" *(#.*|(- )?[\w-]+:( .*)?|- (\{.*\}|[\w./-]+))")


def commands() -> list[str]:
    """Every shell command of the workflow, those of one step as one text."""
    lines = WORKFLOW.read_text(encoding="utf-8").splitlines()
    found = []
    for number, line in enumerate(lines):
        match = re.match(r"( *)(?:- )?run: (.*)", line)
        if match is None:
            continue
        if match[2] != "|":
            found.append(match[2])
            continue
        block = []
        for later in lines[number + 1 :]:
            if later and not later.startswith(match[1] + "  "):
                break
            block.append(later.strip())
        found.append("\n".join(block))
    return found


@pytest.mark.parametrize("path", [WORKFLOW, HOOKS], ids=lambda path: path.name)
def test_a_file_has_the_shape_of_yaml(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "\t" not in text and text.endswith("\n")
    block = None
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        if block is not None and (not line or indent > block):
            continue
        block = indent if line.endswith(": |") else None
        assert not line or (indent % 2 == 0 and _LINE.fullmatch(line)), line
    assert text.count("{") == text.count("}") and text.count("[") == text.count("]") and text.count('"') % 2 == 0


def test_the_workflow_runs_what_a_change_must_pass_and_the_readmes_test_command() -> None:
    assert ".ci/run" in commands()
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    newest = [command for command in commands() if re.match(r"python3 -m venv .* -m pytest", command)]
    assert newest and all(f"```sh\n{command}\n```" in readme for command in newest)
    lowest = [command for command in commands() if "--resolution lowest-direct -e '.[test]'" in command]
    assert len(lowest) == 1 and lowest[0].splitlines()[-1] == newest[0].rpartition(" && ")[2]


def test_the_commands_name_files_that_exist() -> None:
    words = {
        word
        for command in commands()
        for word in shlex.split(re.sub(r"\$\{\{[^}]*\}\}", "", command))
        if "/" in word and not word.startswith(".venv/") and "=/" not in word
    }
    programs = {".ci/run", "tests/debian/install.sh"}
    assert programs < words and all((ROOT / word).exists() for word in words)
    assert all((ROOT / word).is_file() and os.access(ROOT / word, os.X_OK) for word in programs)


def test_the_oldest_python_of_the_matrix_is_the_oldest_that_is_allowed() -> None:
    (oldest,) = re.findall(r"python_requires = >=(\S+)", (ROOT / "setup.cfg").read_text(encoding="utf-8"))
    assert re.findall(r'python: "([\d.]+)"', WORKFLOW.read_text(encoding="utf-8"))[0] == oldest


def test_every_hook_of_another_repository_has_a_fixed_version() -> None:
    text = HOOKS.read_text(encoding="utf-8")
    repositories = re.findall(r"repo: (https://\S+)\n    rev: (\S+)", text)
    assert len(repositories) == text.count("repo: https://")
    assert all(re.fullmatch(r"v\d+\.\d+\.\d+", version) for _, version in repositories)
    assert {"ruff-check", "ruff-format", "mypy", "end-of-file-fixer"} <= set(re.findall(r"- id: (\S+)", text))
