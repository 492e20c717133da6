"""What the shipped studies of an H200 say in words is what their tables say in numbers."""

from __future__ import annotations

import functools
import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from colocate.model.trial import TrialRecord
from colocate.report.write import write_report
from colocate.store import Run
from colocate.study.stats import paired_ratio
from colocate.study.windows import Windows, energies_j, group
from tests.rows import rows_of

RESULTS = Path(__file__).parents[2] / "results"
_INTERVAL = r"([\d.]+) \[([\d.]+), ([\d.]+)\]( n\.s\.)?"
# A heading names the quantity and what all cells of its table share; a row the network and the task.
_HEADING = re.compile(
    r"\| (?P<quantity>median|p99|inferences per second), (?P<shared>[^|]+) \| beside \| "
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


@functools.cache
def windows_of_the_study() -> tuple[Windows, ...]:
    with Run.read(RESULTS / "h200") as run:
        return group(run.records(), run.header().spec)


def windows_of(cell: dict[str, str]) -> Windows:
    (found,) = (
        windows
        for windows in windows_of_the_study()
        if (windows.inference.network, windows.inference.precision) == (cell["network"], cell["precision"])
        and (str(int(windows.inference.graph)), windows.setting.placement) == (cell["graph"], cell["placement"])
        and windows.task == cell["task"]
    )
    return found


def rate_per_s(record: TrialRecord) -> float:
    return len(record.latencies_s) / record.elapsed_s


def ratio(windows: Windows, of: Callable[[TrialRecord], float]) -> list[str]:
    """As it is written: beside the task over alone, with the interval over the blocks."""
    solo, own = zip(*(pair.records for pair in windows.pairs()), strict=True)
    found = paired_ratio(np.array([of(each) for each in solo]), np.array([of(each) for each in own]))
    assert found.lo is not None and found.hi is not None
    return [f"{end:.3f}" for end in (found.value, found.lo, found.hi)]


def test_every_slowdown_in_the_readme_is_that_of_its_cell() -> None:
    table = rows_of(RESULTS / "h200" / "cells.csv")
    columns = {"median": "slowdown_p50", "p99": "slowdown_p99"}
    every = [(cell, columns[quantity], match) for cell, quantity, match in claims() if quantity in columns]
    assert len(every) == 24
    for cell, column, match in every:
        (row,) = [row for row in table if cell.items() <= row.items()]
        ends = [float(row[name]) for name in (column, f"{column}_lo", f"{column}_hi")]
        assert [f"{end:.3f}" for end in ends] == list(match.groups()[:3]), cell
        assert bool(match[4]) == (ends[1] <= 1 <= ends[2]), cell


def test_every_rate_in_the_readme_is_that_of_its_windows() -> None:
    every = [(cell, match) for cell, quantity, match in claims() if quantity == "inferences per second"]
    assert len(every) == 8
    for cell, match in every:
        assert ratio(windows_of(cell), rate_per_s) == list(match.groups()[:3]), cell


def test_what_the_readmes_say_of_the_launching_cpu() -> None:
    text = " ".join((RESULTS / "h200" / "README.md").read_text(encoding="utf-8").split())
    rates = {}
    late: dict[bool, list[float]] = {True: [], False: []}
    for windows in windows_of_the_study():
        if windows.setting.placement != "shared" or windows.setting.task is None:
            continue
        inference = windows.inference
        rates[inference, windows.task] = 1 - float(ratio(windows, rate_per_s)[0])
        if (inference.network, inference.precision) == ("resnet152", "fp32"):
            alone_s = np.median(np.concatenate([record.latencies_s for record in windows.solo]))
            late[inference.graph] += [float((own.latencies_s > 1.5 * alone_s).mean()) for own in windows.own]

    def span(shares: Iterable[float]) -> str:
        found = [round(100 * share) for share in shares]
        return f"{min(found)} to {max(found)} %"

    assert f"every network loses {span(rates.values())} of its rate, graph or not**, in all {len(rates)}" in text
    assert f"{span(late[True])} of the inferences in a shared window" in text
    assert f"kernel by kernel {span(late[False])} do" in text
    front = " ".join((RESULTS.parent / "README.md").read_text(encoding="utf-8").split())
    assert f"they take {span(rates.values())} of every network's rate" in front


def test_energies_in_the_readme_are_those_of_their_windows() -> None:
    text = " ".join((RESULTS / "h200" / "README.md").read_text(encoding="utf-8").split())

    def energy_j(record: TrialRecord) -> float:
        total, _, _ = energies_j(record)
        assert total is not None
        return total / len(record.latencies_s)

    for network, graph, placement, task in (
        ("alexnet", "1", "shared", "bitcount"),
        ("alexnet", "1", "isolated", "jpeg"),
        ("googlenet", "0", "isolated", "jpeg"),
    ):
        cell = {"network": network, "precision": "fp32", "graph": graph, "placement": placement, "task": task}
        value, lo, hi = ratio(windows_of(cell), energy_j)
        assert f"{value} [{lo}, {hi}]" in text, cell


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
