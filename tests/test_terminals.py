"""What commands print fits terminals of usual widths, with every number and every interval whole."""

from __future__ import annotations

import argparse
import functools
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len

from colocate import cli
from colocate.commands import find_commands
from colocate.commands.doctor import print_findings
from colocate.commands.study_run import print_report
from colocate.report.run_report import LoadedRun, load
from colocate.report.sections import section_of
from colocate.report.write import Report
from colocate.request.limit_keys import LimitChanges
from colocate.rigs.host.examination import Finding, examine
from tests.commands.terminal import shown_on_a_terminal
from tests.report.layers import looked_at

WIDTHS = pytest.mark.parametrize("columns", [80, 100, 147])
WIDE = 300
# A number with decimals, and an interval, which a sentence may hold over the end of a line.
_NUMBERS = re.compile(r"\d+\.\d+|\[[^][A-Za-z]*\d[^][A-Za-z]*\]")
LIMITS = LimitChanges({"slo_ms": 30.0, "max_slowdown": 1.055, "percentile": "p99", "confidence": 0.9})


@pytest.fixture
def runs(tmp_path: Path, modelled_run: Path, efficiency_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of short names in the folder where commands are: a path or a command is never broken."""
    stored = Path(__file__).parent.parent / "results"
    for name, run in {
        "sweep": modelled_run, "efficiency": efficiency_run, "contained": stored / "h200-containment",
        "before": stored / "regression" / "before", "after": stored / "regression" / "after",
    }.items():  # fmt: skip
        (tmp_path / name).symlink_to(run)
    monkeypatch.chdir(tmp_path)


def numbers(shown: str) -> set[str]:
    return {" ".join(found.split()) for found in _NUMBERS.findall(shown)}


def fitting(columns: int, show: Callable[[], object]) -> str:
    """What `show` writes on a terminal: no line is wider, and nothing was cut to make it so."""
    shown = shown_on_a_terminal(columns, show)
    # What a bar draws over itself stands on one line.
    assert [line for line in re.split(r"[\r\n]", shown) if cell_len(line) > columns] == []
    assert "…" not in shown
    return shown


def command(*arguments: str | Path) -> Callable[[], object]:
    return lambda: cli.run([*map(str, arguments)])


@functools.cache
def findings() -> tuple[Finding, ...]:
    """Of this machine; a look takes seconds."""
    return examine()


def report(run: LoadedRun) -> Callable[[], object]:
    """What the command ends with that made the run."""
    section = section_of(run.header.purpose)
    files = tuple(run.folder / file for file in ("cells.csv", "report.html", "report.md", "figures/slowdown.png"))
    made = Report(run, section, section.load(run, {}), files)
    return lambda: print_report(made, argparse.Namespace(json=False))


@WIDTHS
@pytest.mark.parametrize(
    "show",
    [
        lambda: report(load(Path("sweep"), LIMITS)),
        lambda: report(load(Path("efficiency"))),
        lambda: report(looked_at.run()),
        lambda: command("advise", "sweep", "--slo-ms", "30", "--max-slowdown", "1.055"),
        lambda: command("advise", "contained", "--max-slowdown", "1.1"),
        lambda: command("compare", "before", "after"),
        lambda: command("list", "."),
        lambda: lambda: print_findings(findings()),
    ],
    ids=["sweep", "efficiency", "layers", "advise", "containment", "compare", "list", "doctor"],
)
@pytest.mark.usefixtures("runs")
def test_every_table_fits_and_no_number_is_cut(columns: int, show: Callable[[], Callable[[], object]]) -> None:
    shown = fitting(columns, show())
    assert numbers(shown) <= numbers(shown_on_a_terminal(WIDE, show())), "each is that of a wide terminal"
    assert len(shown.splitlines()) > 2


@WIDTHS
@pytest.mark.parametrize("name", ["", *find_commands()])
def test_help_fits(name: str, columns: int) -> None:
    assert "usage: colocate" in fitting(columns, command(*name.split(), "--help"))
