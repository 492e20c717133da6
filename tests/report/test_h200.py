"""What the shipped studies of an H200 say in words is what their tables say in numbers."""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path

import pytest

from colocate.report.write import write_report

RESULTS = Path(__file__).parents[2] / "results"
_INTERVAL = r"([\d.]+) \[([\d.]+), ([\d.]+)\]( n\.s\.)?"
# A heading names the quantile and what all cells of its table share; a row the network and the task.
_HEADING = re.compile(
    r"\| (?P<quantile>median|p99), (?P<shared>[^|]+) \| beside \| (?P<first>[^|]+) \| (?P<second>[^|]+) \|"
)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def told(words: str) -> dict[str, str]:
    """What a heading says of its cells, under the columns of cells.csv."""
    known = {
        "isolated": ("placement", "isolated"), "shared": ("placement", "shared"), "fp32": ("precision", "fp32"),
        "kernel by kernel": ("graph", "0"), "CUDA graph": ("graph", "1"),
    }  # fmt: skip
    return dict(known[word] for word in words.split(", "))


def claims() -> list[tuple[dict[str, str], str, re.Match[str]]]:
    found = []
    heading = None
    for line in (RESULTS / "h200" / "README.md").read_text(encoding="utf-8").splitlines():
        heading = _HEADING.match(line) or (heading if line.startswith("|") else None)
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if heading is None or not re.fullmatch(_INTERVAL, cells[-1]):
            continue
        for name, text in zip(("first", "second"), cells[2:], strict=True):
            match = re.fullmatch(_INTERVAL, text)
            assert match is not None, line
            cell = {"network": cells[0], "stressor": cells[1], **told(heading["shared"]), **told(heading[name])}
            found.append((cell, {"median": "slowdown_p50", "p99": "slowdown_p99"}[heading["quantile"]], match))
    return found


def test_every_slowdown_in_the_readme_is_that_of_its_cell() -> None:
    table = rows_of(RESULTS / "h200" / "cells.csv")
    every = claims()
    assert len(every) == 24
    for cell, column, match in every:
        (row,) = [row for row in table if cell.items() <= row.items()]
        ends = [float(row[name]) for name in (column, f"{column}_lo", f"{column}_hi")]
        assert [f"{end:.3f}" for end in ends] == list(match.groups()[:3]), cell
        assert bool(match[4]) == (ends[1] <= 1 <= ends[2]), cell


def test_every_efficiency_in_the_readme_is_that_of_its_setting() -> None:
    table = rows_of(RESULTS / "h200-efficiency" / "efficiency.csv")
    text = (RESULTS / "h200-efficiency" / "README.md").read_text(encoding="utf-8")
    pattern = rf"\| (\w+) (fp\d+) \| (\d+) \| {_INTERVAL} \| {_INTERVAL} \| ([\d.]+) \|"
    found = re.findall(pattern, text)
    assert len(found) == 8
    for network, precision, batch, *numbers in found:
        (row,) = [r for r in table if (r["network"], r["precision"], r["batch"]) == (network, precision, batch)]
        names = [f"{name}{end}" for name in ("images_per_s", "images_per_s_per_w") for end in ("", "_lo", "_hi")]
        values = [float(row[name]) for name in names] + [1e3 * float(row["p50_s"])]
        for said, value in zip([number for number in numbers if number], values, strict=True):
            # Rounded as it is written: half a unit of its last digit.
            assert abs(float(said) - value) <= 0.5 * 10 ** -len(said.partition(".")[2]) + 1e-9, (network, said, value)


@pytest.mark.parametrize("study", ["h200", "h200-efficiency"])
def test_the_shipped_tables_are_those_of_the_run(study: str, tmp_path: Path) -> None:
    shutil.copy(RESULTS / study / "run.sqlite", tmp_path)
    for fresh in write_report(tmp_path).files:
        if fresh.suffix in (".csv", ".toml"):
            assert fresh.read_text() == (RESULTS / study / fresh.name).read_text(), fresh.name
