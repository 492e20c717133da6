"""The shipped studies of the model of a board are what the commands in their READMEs make."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.commands.command_line import colocate
from tests.rows import rows_of

ROOT = Path(__file__).parents[2]
STUDIES = ("tx1-model", "tx1-model-2017")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each study, made by the command in its README."""
    folder = tmp_path_factory.mktemp("studies")
    for study in STUDIES:
        readme = (ROOT / "results" / study / "README.md").read_text(encoding="utf-8")
        command = re.search(rf"^    python -m colocate (.*) --out results/{study}$", readme, re.MULTILINE)
        assert command is not None, "a study names its command"
        done = colocate(*shlex.split(command[1]), "--out", folder / study, "--quiet", cwd=ROOT)
        assert done.returncode == 0, done.stderr
    return {study: folder / study for study in STUDIES}


@pytest.mark.parametrize("study", STUDIES)
def test_a_shipped_study_is_whole(study: str, made: dict[str, Path]) -> None:
    rows = rows_of(ROOT / "results" / study / "cells.csv")
    assert sum(row["task"] != "none" for row in rows) == 81 and len(rows) == 81 + 27
    assert all(int(row["n"]) >= 300 for row in rows)
    assert "not a measurement" in (ROOT / "results" / study / "README.md").read_text(encoding="utf-8")
    for figure in ("founding-study", "validation"):
        for kind in ("png", "svg"):
            assert (made[study] / "figures" / f"{figure}.{kind}").exists()
    assert (ROOT / "results" / study / "figures" / "founding-study.png").exists()


@pytest.mark.parametrize("table", ["cells", "validation", "constants"])
@pytest.mark.parametrize("study", STUDIES)
def test_the_shipped_tables_are_those_of_the_model(study: str, table: str, made: dict[str, Path]) -> None:
    shipped, fresh = (rows_of(run / f"{table}.csv") for run in (ROOT / "results" / study, made[study]))
    assert [[*row] for row in shipped] == [[*row] for row in fresh], "run the command in its README"
    for old, new in zip(shipped, fresh, strict=True):
        for key, value in new.items():
            assert same(old[key], value), (key, old[key], value, "run the command in its README")


def same(old: str, new: str) -> bool:
    """Whether two fields say the same; another processor may repeat the last digit otherwise."""
    try:
        return float(old) == pytest.approx(float(new), rel=1e-6, abs=1e-8)
    except ValueError:
        return old == new
