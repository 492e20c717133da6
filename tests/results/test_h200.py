"""What the shipped studies of an H200 say in words is what their tables say in numbers."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from colocate.model.containment import containment_words
from colocate.model.limits import Limits
from colocate.report.advise.load import AdviceReport, advise_on
from colocate.report.run_report import load
from colocate.report.write import write_report
from colocate.study.verdicts import Verdict
from tests.rows import rows_of

RESULTS = Path(__file__).parents[2] / "results"
_INTERVAL = r"([\d.]+) \[([\d.]+), ([\d.]+)\]( n\.s\.)?"
# A heading names the quantity and what all cells of its table share; a row the network and the task.
_HEADING = re.compile(
    r"\| (?P<quantity>median|mean|p95), (?P<shared>[^|]+) \| beside \| "
    r"(?P<first>[^|]+) \| (?P<second>[^|]+) \|"
)


def columns_of(words: str) -> dict[str, str]:
    """What a heading says of its cells, under the columns of cells.csv."""
    known = {
        "isolated": ("placement", "isolated"), "shared": ("placement", "shared"), "fp32": ("precision", "fp32"),
        "kernel by kernel": ("graph", "0"), "CUDA graph": ("graph", "1"),
    }  # fmt: skip
    return dict(known[word] for word in words.split(", "))


def claims() -> list[tuple[dict[str, str], str, re.Match[str]]]:
    """The cell, the quantity and the words of every ratio in a table."""
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
            cell = {
                "network": cells[0],
                "task": cells[1],
                **columns_of(heading["shared"]),
                **columns_of(heading[name]),
            }
            found.append((cell, heading["quantity"], match))
    return found


def test_every_slowdown_in_the_readme_is_that_of_its_cell() -> None:
    table = rows_of(RESULTS / "h200" / "cells.csv")
    columns = {"median": "slowdown_p50", "mean": "slowdown_mean", "p95": "slowdown_p95"}
    every = [(cell, columns[quantity], match) for cell, quantity, match in claims()]
    assert len(every) == 32
    for cell, column, match in every:
        (row,) = [row for row in table if cell.items() <= row.items()]
        ends = [float(row[name]) for name in (column, f"{column}_lo", f"{column}_hi")]
        assert [f"{end:.3f}" for end in ends] == list(match.groups()[:3]), cell
        assert bool(match[4]) == (ends[1] <= 1 <= ends[2]), cell


def test_what_the_readmes_say_of_the_launching_cpu() -> None:
    table = rows_of(RESULTS / "h200" / "cells.csv")
    beside = [row for row in table if row["placement"] == "shared" and row["task"] != "none"]
    means = [float(row["slowdown_mean"]) for row in beside]
    lost = [round(100 * (1 - 1 / mean)) for mean in means]
    span = f"{min(lost)} to {max(lost)} %"
    text = " ".join((RESULTS / "h200" / "README.md").read_text(encoding="utf-8").split())
    assert f"every network loses {span} of its rate, graph or not**, in all {len(beside)}" in text
    assert f"its mean latency grows {min(means):.2f}- to {max(means):.2f}-fold" in text
    assert {row["cause"] for row in beside} == {"preempted"} and "The cause is *preempted*" in text
    front = " ".join((RESULTS.parent / "README.md").read_text(encoding="utf-8").split())
    assert f"inferences take {min(means):.1f} to {max(means):.1f} times as long" in front


def test_what_the_readme_says_of_containment() -> None:
    table = rows_of(RESULTS / "h200-containment" / "cells.csv")
    waits = {"back to back": "spin", "a frame every 5 ms": "block"}
    wait, found = "", 0
    for line in (RESULTS / "h200-containment" / "README.md").read_text(encoding="utf-8").splitlines():
        name, *numbers = (part.strip() for part in line.strip("|").split("|"))
        wait = waits.get(name, wait)
        for row in table:
            if (row["containment"], row["wait"]) == (name, wait) and row["task"] == "bitcount":
                columns = ("slowdown_mean", "slowdown_p95", "work_loss_ratio")
                for column, said in zip(columns, numbers, strict=False):
                    value, lo, hi = (float(row[f"{column}{end}"]) for end in ("", "_lo", "_hi"))
                    assert said == f"{value:.3f} [{lo:.3f}, {hi:.3f}]", (name, column)
                found += 1
    assert found == 8


def advice(study: str, limits: Limits) -> AdviceReport:
    return advise_on(load(RESULTS / study), limits)


def test_what_the_readmes_say_is_safe() -> None:
    contained = advice("h200-containment", Limits(max_slowdown=1.05, percentile="mean"))
    text = (RESULTS / "h200-containment" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\S*cpus=1) \|.*\| (\w+) \|$", text, re.MULTILINE)
    rulings = sorted(contained.advice.rulings, key=lambda ruling: ruling.cell.inference.wait == "block")
    assert rows == [(containment_words(each.cell.containment), each.verdict.value) for each in rulings]
    whole = advice("h200", Limits(max_slowdown=1.05, percentile="mean"))
    safe, unsafe, open_ = (whole.count(verdict) for verdict in (Verdict.SAFE, Verdict.UNSAFE, Verdict.UNDECIDED))
    said = " ".join((RESULTS / "h200" / "README.md").read_text(encoding="utf-8").split())
    assert f"(all 36 cells at once): {safe} SAFE, all isolated graphs; {unsafe} UNSAFE; {open_} UNDECIDED" in said
    granted = [each.cell for each in whole.advice.rulings if each.verdict is Verdict.SAFE]
    assert all(cell.placement == "isolated" and cell.inference.graph for cell in granted)


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


@pytest.mark.parametrize("study", ["h100-services", "h200", "h200-containment", "h200-efficiency"])
def test_the_shipped_tables_are_those_of_the_run(study: str, tmp_path: Path) -> None:
    shutil.copy(RESULTS / study / "run.sqlite", tmp_path)
    for fresh in write_report(tmp_path).files:
        if fresh.suffix in (".csv", ".toml"):
            assert fresh.read_text() == (RESULTS / study / fresh.name).read_text(), fresh.name
