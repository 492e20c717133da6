"""Each recipe of docs/extending.md, followed to the letter in a copy of the source, and its toy used for real."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.recipes import ROOT, Recipe, packages, recipes
from tests.docs.tiny import write_network
from tests.rows import rows_of

RECIPES = recipes()
# What the page may ask for: so many new files or folders, and so many changed files.
LIMITS = {
    "A backend": (1, 1),
    "A meter": (1, 1),
    "A stressor": (1, 1),
    "A column of cells.csv": (0, 3),
    "A kind of run": (2, 1),
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what a checkout holds of the program."""
    for name in ("colocate", "cpu_workloads"):
        # With what is compiled, which holds as long as a file and its time are the same.
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("pyproject.toml", "setup.cfg"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def followed(heading: str, tree: Path) -> str:
    """Follow one recipe in `tree`; what its commands print."""
    RECIPES[heading].apply(tree)
    return RECIPES[heading].run(tree)


def test_every_recipe_is_known() -> None:
    assert RECIPES.keys() == LIMITS.keys()


@pytest.mark.parametrize("heading", LIMITS)
def test_a_recipe_touches_few_files(heading: str) -> None:
    recipe = RECIPES[heading]
    assert (len(packages(set(recipe.new))), len(set(recipe.changed))) == LIMITS[heading]
    assert recipe.commands


def test_a_backend_runs_a_network_beside_a_task(tree: Path) -> None:
    write_network(tree / "tiny.onnx")
    followed("A backend", tree)
    rows = rows_of(tree / "results/reference/cells.csv")
    assert {row["task"] for row in rows} == {"none", "jpeg-small"}
    assert all(row["backend"] == "onnx-reference" and int(row["n"]) >= 2 for row in rows)


def test_a_meter_is_found_and_read_and_its_absence_has_a_fix(tree: Path) -> None:
    said = followed("A meter", tree)
    assert "('VIN',): (41.5,)" in said
    done = subprocess.run(
        [sys.executable, "-m", "colocate", "doctor", "--json"], cwd=tree, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (finding,) = [each for each in json.loads(done.stdout) if each["name"] == "wallplug"]
    assert finding["area"] == "power" and "wallplugd" in finding["fix"]


def test_a_stressor_works_alone_and_beside_a_network(tree: Path) -> None:
    said = followed("A stressor", tree)
    assert "megabytes/s" in said
    (row,) = [row for row in rows_of(tree / "results/checksum/cells.csv") if row["task"] == "checksum"]
    assert float(row["work_per_s"]) > 0 and row["work_loss_ratio"]


def test_a_column_comes_last_and_has_a_value(tree: Path) -> None:
    followed("A column of cells.csv", tree)
    rows = rows_of(tree / "results/column/cells.csv")
    assert list(rows[0])[-1] == "max_s"
    assert all(float(row["max_s"]) >= float(row["p50_s"]) > 0 for row in rows)


def test_a_kind_of_run_has_its_command_its_report_and_its_json(tree: Path) -> None:
    said = followed("A kind of run", tree)
    (words,) = [line for line in said.splitlines() if line.startswith("spin-1ms: p50 ")]
    assert words.endswith(" % late")
    shown = json.loads(said.splitlines()[-1])
    assert shown["run"] == "results/jitter"
    (row,) = shown["jitter"]
    assert row["network"] == "spin-1ms" and row["n"] > 0
    (stored,) = rows_of(tree / "results/jitter/jitter.csv")
    assert float(stored["late_ratio"]) == pytest.approx(row["late_ratio"])
    help_text = subprocess.run([sys.executable, "-m", "colocate", "--help"], cwd=tree, capture_output=True, text=True)
    assert "how evenly networks answer" in help_text.stdout
    command = [sys.executable, "-m", "colocate", "sweep", "--resume", "--out", "results/jitter"]
    refused = subprocess.run(command, cwd=tree, capture_output=True, text=True)
    assert refused.returncode == 2 and "`colocate jitter`" in refused.stderr


def test_all_recipes_together_keep_the_style_and_the_types(tree: Path) -> None:
    for recipe in RECIPES.values():
        recipe.apply(tree)
    touched = sorted(path for recipe in RECIPES.values() for path in (*recipe.new, *recipe.changed))
    for check in (["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]):
        # What stands in a changed file beside the recipe's lines is not the recipe's affair.
        paths = touched if check == ["mypy"] else [path for path in touched if not (ROOT / path).exists()]
        done = subprocess.run([sys.executable, "-m", *check, *paths], cwd=tree, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_change_that_does_not_fit_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("one\ntwo\none\n")
    for lost in (" three", " one"):
        recipe = Recipe({}, (f"--- a/a.py\n+++ b/a.py\n@@\n{lost}\n+new\n",), "")
        with pytest.raises(AssertionError, match="not there once"):
            recipe.apply(tmp_path)
    Recipe({}, ("--- a/a.py\n+++ b/a.py\n@@\n two\n-one\n+three\n",), "").apply(tmp_path)
    assert (tmp_path / "a.py").read_text() == "one\ntwo\nthree\n"
