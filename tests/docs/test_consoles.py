"""Every console block of README.md and docs/ shows what its commands print at 80 columns.

The blocks of a page are run in order, in one folder, as a reader would.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.commands.command_line import Done, colocate
from tests.docs.recipes import ROOT, for_these_cpus

README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
# A command, over several lines where they end in a backslash, and what it printed.
_COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
# `advise RUN | tail -n 2`
_TAIL = re.compile(r"(.*) \| tail -n (\d+)")


def blocks(page: Path, kind: str) -> list[str]:
    """The blocks of that kind on the page."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def follow(page: Path, folder: Path) -> None:
    """Run every command of the page's consoles in `folder`, and compare what it prints."""
    done = Done(0, "", "")
    consoles = blocks(page, "console")
    assert all(console.startswith("$ ") for console in consoles), "a console begins with a command"
    for command, shown in _COMMAND.findall("".join(consoles)):
        if command in ("echo $?", "echo ${PIPESTATUS[0]}"):
            assert shown == f"{done.returncode}\n", page.name
            continue
        line, lines = command.replace("\\\n", " "), 0
        if tail := _TAIL.fullmatch(line):
            line, lines = tail[1], int(tail[2])
        python, module, name, *arguments = shlex.split(for_these_cpus(line + " ").strip())
        assert (python, module, name) == ("python", "-m", "colocate"), "the test knows no other program"
        done = colocate(*arguments, cwd=folder, env={"COLUMNS": "80"})
        printed = [text.rstrip() for text in (done.stdout + done.stderr).splitlines()]
        assert "\n".join(printed[-lines:]) == shown.rstrip("\n"), f"{page.name}: {command}"


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page != README and blocks(page, "console")], ids=lambda page: page.name
)
def test_a_console_shows_what_its_commands_print(page: Path, tmp_path: Path) -> None:
    follow(page, tmp_path)


def test_the_consoles_of_the_readme_and_its_python_run_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    follow(README, tmp_path)
    monkeypatch.chdir(tmp_path)
    (program,) = blocks(README, "python")
    capsys.readouterr()
    exec(compile(program, README.name, "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert sorted(printed) == ["googlenet jpeg UNSAFE"] * 2 + [
        f"googlenet stringsearch {verdict}" for verdict in ("SAFE", "UNSAFE")
    ]
