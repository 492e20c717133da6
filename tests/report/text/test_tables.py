"""Tables as CSV, on a terminal of 80 columns, and as Markdown."""

from __future__ import annotations

import csv
import dataclasses
import html
import io
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from colocate.model.cell import Interval
from colocate.model.quality import QualityFlag
from colocate.report.text.tables import (
    Terminal,
    Value,
    compact_table,
    console,
    escaped,
    interval_columns,
    markdown_table,
    print_compact,
    print_rows,
    print_warnings,
    warning_numbers,
    write_rows,
)
from tests.report.drawn import cell


@given(st.text())
def test_nothing_begins_in_an_escaped_name(name: str) -> None:
    safe = escaped(name)
    assert safe.isprintable()
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_\[\]<>|~$@&]", safe)
    assert html.unescape(safe) == safe or "\\&" in safe


def test_no_cell_of_markdown_makes_a_column() -> None:
    lines = markdown_table(["network", "a|b"], [["x|y", "`z`"], ["", "2\n3"]])
    assert lines == [r"| network | a\|b |", "| --- | --- |", r"| x\|y | \`z\` |", "|  | 2 3 |"]


def test_csv_has_nine_digits_and_nothing_where_a_quantity_is_absent(tmp_path: Path) -> None:
    row: dict[str, Value] = {
        "name": 'a,"b"',
        "n": 123456789012,
        "value": 0.123456789123,
        "large": 1e20,
        "absent": None,
        "flag": 0,
    }
    write_rows(tmp_path / "t.csv", [row, {**row, "value": 2.0}])
    first, *lines = (tmp_path / "t.csv").read_bytes().decode().split("\n")
    assert first == "name,n,value,large,absent,flag"
    assert lines == ['"a,""b""",123456789012,0.123456789,1e+20,,0', '"a,""b""",123456789012,2,1e+20,,0', ""]


def test_a_table_without_rows_has_its_columns(tmp_path: Path) -> None:
    write_rows(tmp_path / "t.csv", [], columns=("a", "b"))
    assert (tmp_path / "t.csv").read_text() == "a,b\n"


@pytest.mark.parametrize(
    ("interval", "values"),
    [(Interval(1.5, 1.0, 2.0), (1.5, 1.0, 2.0)), (Interval(1.5, None, None), (1.5, None, None)), (None, (None,) * 3)],
)
def test_a_quantity_takes_three_columns(interval: Interval | None, values: tuple[float | None, ...]) -> None:
    assert interval_columns("p50_s", interval) == dict(zip(("p50_s", "p50_s_lo", "p50_s_hi"), values, strict=True))


def test_what_all_rows_share_takes_no_column(capsys: pytest.CaptureFixture[str]) -> None:
    columns = {"network": True, "clocks, MHz": False, "verdict": False, "missed": False, "": True}
    rows = [("alexnet", "native", "SAFE", "", "x"), ("googlenet", "native", "SAFE", "", "x")]
    table, same = compact_table(columns, rows, ["green", "red"], keep=("verdict",))
    assert same == "In every row: clocks in MHz = native, x."
    Console(width=80).print(table)
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["network", "verdict"], ["alexnet", "SAFE"], ["googlenet", "SAFE"]
    ]  # fmt: skip


def test_a_single_row_shares_nothing_but_what_is_empty() -> None:
    table, same = compact_table({"a": True, "b": True, "c": False}, [("1", "", "2")], [""])
    assert same == "" and [str(column.header) for column in table.columns] == ["a", "c"]


def test_names_are_broken_and_numbers_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [("a-network-with-a-very-long-name", "12.3 [11.1, 13.5]"), ("b", "1 [0.9, 1.1]")]
    table, _ = compact_table({"network": True, "estimate [interval]": False}, rows, ["", ""])
    Console(width=34).print(table)
    said = capsys.readouterr().out
    assert "12.3 [11.1, 13.5]" in said and "a-network-with-a-very-long-name" not in said
    assert "".join(line[:16].strip() for line in said.splitlines()[2:-1]).startswith("a-network-with-a-very")


def test_no_number_is_cut_however_narrow_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [("a-network-with-a-very-long-name", "12.3 [11.1, 13.5]", "8 W"), ("b", "1 [0.9, 1.1]", "9 W")]
    table, _ = compact_table({"network": True, "estimate [interval]": False, "power": False}, rows, ["", ""])
    for width in (20, 60):
        print_compact(Console(width=width), table)
        said = capsys.readouterr().out
        assert all(number in said for number in ("12.3 [11.1, 13.5]", "8 W", "1 [0.9, 1.1]", "9 W"))
        assert max(map(len, said.splitlines())) <= max(width, 12 + 1 + 17 + 1 + 5)


def test_a_table_that_fits_with_its_words_whole_is_no_wider(capsys: pytest.CaptureFixture[str]) -> None:
    columns = {"beside": True, "MHz": False, "tightest limit": True, "estimate": False, "more": True}
    rows = [
        ("stringsearch (quota=20%)", "1734/998.4", "p95 latency", "126.5 ms [125.7, 127.3].", "+46 repeats"),
        ("jpeg", "1734/76.8", "power", "9.1 W", ""),
    ]
    for width in range(65, 100):
        table, _ = compact_table(columns, rows, ["", ""])
        print_compact(Console(width=width), table)
        lines = capsys.readouterr().out.splitlines()
        assert max(map(len, lines)) <= width and "stringsearch" in "".join(lines)
        assert ("p95 latency" in "".join(lines)) == (width >= 68), "the last column is broken first"


def test_spare_columns_are_left_out_one_by_one_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    columns = {"beside": True, "cause": False, "estimate [interval]": False, "power": False}
    rows = [("jpeg", "preempted 98 %", "12.3 [11.1, 13.5]", "8 W"), ("fft", "quota 3 %", "1.00 [0.90, 1.10]", "9 W")]

    def shown(width: int) -> list[str]:
        print_rows(Console(width=width), "alexnet.", columns, rows, ["", ""], spare=("cause", "power"))
        return capsys.readouterr().out.splitlines()

    assert shown(80)[0] == "alexnet." and "preempted 98 %" in shown(80)[3]
    assert "cause" in " ".join(shown(36)[:2]) and "preempted" not in "".join(shown(36)) and "8 W" in shown(36)[-3]
    narrow = " ".join(shown(26))
    assert "A wider terminal also shows cause and power." in " ".join(narrow.split())
    assert "12.3 [11.1, 13.5]" in narrow


@pytest.mark.parametrize("width", [80, 100, 147])
def test_numbers_stand_under_one_another(width: int, capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(
        Console(width=width), "", {"task": True, "power": False}, [("a", "8.92 W"), ("b", "12.40 W")], ["", ""]
    )
    _, first, second = capsys.readouterr().out.splitlines()[1:4]
    assert (first, second) == ("a     8.92 W", "b    12.40 W")


@pytest.mark.parametrize(("columns", "width"), [(None, 150), ("80", 80), ("0", 150), ("wide", 150), ("", 150)])
@pytest.mark.parametrize("stderr", [False, True])
def test_a_pipe_is_as_wide_as_columns_says_else_wide_enough_for_every_column(
    columns: str | None, width: int, stderr: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if columns is None:
        monkeypatch.delenv("COLUMNS", raising=False)
    else:
        monkeypatch.setenv("COLUMNS", columns)
    assert console(stderr=stderr).width == width


def test_warnings_are_numbered_as_the_enum_lists_them_and_explained_once(capsys: pytest.CaptureFixture[str]) -> None:
    flags = (QualityFlag.TRIALS_FAILED, QualityFlag.NO_RUN_COMPLETED)
    rows = [cell(), dataclasses.replace(cell(), warnings=flags), dataclasses.replace(cell(), warnings=flags[1:])]
    numbers = warning_numbers(warning for row in rows for warning in row.warnings)
    assert numbers == {QualityFlag.NO_RUN_COMPLETED: "(1)", QualityFlag.TRIALS_FAILED: "(2)"}
    print_warnings(console(), numbers)
    assert "[commands.NAME]" in QualityFlag.NO_RUN_COMPLETED.remedy, "brackets are no markup"
    said = " ".join(capsys.readouterr().out.split())
    assert said == " ".join(f"{number} {flag.value}: {flag.remedy}" for flag, number in numbers.items())


def test_a_reader_that_went_away_is_heard_of() -> None:
    """By itself a console would end with exit code 1, which says that nothing is safe."""
    read, write = os.pipe()
    os.close(read)
    with pytest.raises(BrokenPipeError), os.fdopen(write, "w", buffering=1) as gone:
        Terminal(file=gone).print("SAFE")


def test_no_text_acts_on_a_terminal() -> None:
    written = io.StringIO()
    out = Terminal(file=written, force_terminal=True, width=80)
    out.print(Text("a\x1b]0;title\x07b\x9bc", style="bold"))
    shown = written.getvalue()
    assert "a\\x1b]0;title" in shown and "b\\x9bc" in shown
    # Its own style is there, and nothing else.
    assert re.sub(r"\x1b\[\d*m", "", shown).strip().isprintable()


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-a", "@SUM(A1)", " =1"])
def test_no_field_of_a_spreadsheet_is_computed(text: str, tmp_path: Path) -> None:
    write_rows(tmp_path / "t.csv", [{"name": text, "value": -1.5, "count": -3, "number": "-2e3", "other": "a=b"}])
    ((name, *others),) = list(csv.reader((tmp_path / "t.csv").open()))[1:]
    assert name.startswith("'") and text.strip() in name
    assert others == ["-1.5", "-3", "-2e3", "a=b"]


def test_a_field_has_no_control_characters(tmp_path: Path) -> None:
    write_rows(tmp_path / "t.csv", [{"name": "a\x1b[31m\nb"}])
    assert (tmp_path / "t.csv").read_text() == "name\na\\x1b[31m\\nb\n"


def test_a_column_of_markdown_that_is_empty_in_every_row_is_left_out() -> None:
    assert markdown_table(["a", "b", "c"], [["1", "", ""], ["2", "", "x"]]) == [
        "| a | c |", "| --- | --- |", "| 1 |  |", "| 2 | x |",
    ]  # fmt: skip
    assert markdown_table(["a", "b"], [])[0] == "| a | b |"
