"""The example of a pipeline runs, and so does what its page shows."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from colocate.request.spec import make_spec
from colocate.request.study_file import read_study
from tests.commands.command_line import colocate
from tests.docs.recipes import for_these_cpus

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "pipeline"
SHORT = ["--stressors", "bitcount", "--placement", "shared", "--repeats", "1", "--window", "0.5", "--json"]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)


def measured(*arguments: str | Path) -> set[str]:
    """The networks that a short sweep from the source folder has numbers of."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = colocate("sweep", *arguments, *SHORT, cwd=ROOT, env={"PATH": path})
    assert done.returncode == 0, done.stderr
    return {cell["network"] for cell in json.loads(done.stdout)["cells"] if cell["n"]}


def test_the_pipeline_in_python_is_measured_by_its_study(tmp_path: Path) -> None:
    assert measured(EXAMPLE / "study.toml", "--out", tmp_path / "run") == {"camera"}


@pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no C compiler")
def test_the_program_in_c_is_measured(tmp_path: Path) -> None:
    (source,) = blocks(EXAMPLE / "README.md", "c")
    (tmp_path / "program.c").write_text(source)
    strict = ["-O2", "-Wall", "-Wextra", "-Werror", f"-I{EXAMPLE}"]
    subprocess.run(["gcc", *strict, "-o", "program", "program.c"], cwd=tmp_path, check=True)
    assert measured("--pipeline", f"mine={tmp_path / 'program'}", "--out", tmp_path / "run") == {"mine"}


def test_what_the_page_shows_of_a_terminal_is_what_happens(tmp_path: Path) -> None:
    shown = [line for block in blocks(ROOT / "docs" / "pipelines.md", "console") for line in block.splitlines()]
    for command, answer in zip(shown[::2], shown[1::2], strict=True):
        python, *rest = shlex.split(for_these_cpus(command.removeprefix("$ ")))
        assert python == "python"
        done = subprocess.run([sys.executable, *rest], capture_output=True, text=True, cwd=tmp_path)
        assert (done.stdout, done.stderr.strip()) == ("", answer)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("page", [EXAMPLE / "README.md", ROOT / "docs" / "pipelines.md"], ids=lambda page: page.name)
def test_every_study_on_its_pages_is_one(page: Path, tmp_path: Path) -> None:
    found = blocks(page, "toml")
    assert found
    for block in found:
        (tmp_path / "study.toml").write_text(block)
        assert any(each.pipeline for each in make_spec(read_study(tmp_path / "study.toml")).inferences)
