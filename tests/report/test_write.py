"""All files of a report, written and written again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from colocate.errors import SpecError, StoreError
from colocate.report.write import write_report
from tests.commands.command_line import copy_of
from tests.report.compare.runs import run


def test_a_report_knows_the_files_that_it_wrote(modelled_run: Path, tmp_path: Path) -> None:
    folder = copy_of(modelled_run, tmp_path)
    report = write_report(folder)
    assert {path.suffix for path in report.files} == {".csv", ".html", ".md", ".png", ".svg"}
    assert {*report.files} == {path for path in folder.rglob("*") if path.is_file()} - {folder / "run.sqlite"}
    names = {path.name for path in report.files}
    assert {"cells.csv", "validation.csv", "constants.csv", "report.html", "validation.svg"} <= names


def test_what_a_former_report_left_and_this_run_has_not_is_removed(tmp_path: Path) -> None:
    folder = run(tmp_path / "run")
    (folder / "figures").mkdir()
    old = [folder / "validation.csv", folder / "constants.csv", *(folder / "figures" / f"validation.{kind}"
           for kind in ("png", "svg")), folder / "figures" / "founding-study.svg"]  # fmt: skip
    for path in old:
        path.write_text("of another run")
    report = write_report(folder)
    assert not any(path.exists() for path in old)
    assert {path.name for path in report.files} >= {"cells.csv", "report.html", "heatmap-slowdown-p50.svg"}


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = run(tmp_path / "run")

    def full(**_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("colocate.files.tempfile.mkstemp", full)
    with pytest.raises(StoreError, match=f"cannot write the report into {folder}: No space left"):
        write_report(folder)


@pytest.mark.parametrize(
    "name",
    ["cells.csv", "report.html", "validation.csv", "figures", "figures/distributions.png", "figures/validation.svg"],
)
def test_a_link_in_the_place_of_a_table_or_figure_is_refused(tmp_path: Path, name: str) -> None:
    folder, theirs = run(tmp_path / "run"), tmp_path / "theirs"
    (folder / name).parent.mkdir(exist_ok=True)
    theirs.mkdir() if name == "figures" else theirs.write_text("theirs")
    (folder / name).symlink_to(theirs)
    with pytest.raises(StoreError, match=f"{name} is a symbolic link"):
        write_report(folder)
    assert [*theirs.iterdir()] == [] if name == "figures" else theirs.read_text() == "theirs"


def test_nobody_waits_for_a_fifo_in_the_place_of_a_table(tmp_path: Path) -> None:
    folder = run(tmp_path / "run")
    os.mkfifo(folder / "cells.csv")
    with pytest.raises(StoreError, match=r"cells.csv is no file"):
        write_report(folder)


def test_an_aim_is_for_settings_alone(tmp_path: Path) -> None:
    folder = run(tmp_path / "run")
    with pytest.raises(SpecError, match="has settings to choose from"):
        write_report(folder, aim={"utility": "fading"})
    assert not (folder / "cells.csv").exists()
