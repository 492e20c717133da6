from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from colocate.report.fleet.load import load_fleet
from colocate.report.fleet.shown import fleet_markdown, print_fleet, write_fleet
from tests.report.fleet.runs import loaded


def test_tables_and_sentences_on_a_terminal_and_in_markdown(tmp_path: Path) -> None:
    run = loaded(tmp_path, dict.fromkeys("abcdef", 1.0))
    found = load_fleet(run)
    assert found is not None
    out = Console(file=io.StringIO(), width=200)
    print_fleet(out, found, run)
    text = out.file.getvalue()  # type: ignore[attr-defined]
    page = "\n".join(fleet_markdown(found, run))
    for shown in (text, page):
        assert "6 boards, every block on each of them" in shown and "1 of 1 cell is SAFE on at least 95" in shown


def test_files_of_boards_go_where_there_are_none(tmp_path: Path) -> None:
    run = loaded(tmp_path, {"a": 1.0, "b": 1.0})
    assert [path.name for path in write_fleet(load_fleet(run), run)] == ["boards.csv", "boards-like-these.csv"]
    unjudged = loaded(tmp_path, {"a": 1.0, "b": 1.0}, limits=None)
    assert [path.name for path in write_fleet(load_fleet(unjudged), unjudged)] == ["boards.csv"]
    assert [path.name for path in tmp_path.iterdir()] == ["boards.csv"]
    assert list(write_fleet(None, run)) == [] and not list(tmp_path.iterdir())
