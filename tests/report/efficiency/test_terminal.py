"""Settings on a terminal, however narrow."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from colocate.report.efficiency.section import SECTION
from colocate.report.efficiency.terminal import print_efficiency
from colocate.report.run_report import load
from colocate.report.write import write_report
from colocate.request.limit_keys import LimitChanges
from tests.commands.command_line import copy_of

SETTINGS = 4


@pytest.mark.parametrize(("columns", "intervals"), [(80, 1), (110, 6)])
def test_the_table_cuts_nothing_off(
    columns: int,
    intervals: int,
    efficiency_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("colocate.report.efficiency.terminal.console", lambda: Console(width=columns))
    report = write_report(copy_of(efficiency_run, tmp_path))
    print_efficiency(report.content, report.run)
    out = capsys.readouterr().out
    assert "\N{HORIZONTAL ELLIPSIS}" not in out and "±0.0 " not in out and "±0.00 " not in out
    lines = [line for line in out.splitlines() if re.match(r"fp\d+ batch \d+ ", line)]
    assert [line.count("±") for line in lines] == [intervals] * SETTINGS


@pytest.mark.parametrize(
    ("asked", "shown"), [({}, "p99"), ({"percentile": "p50"}, "p99"), ({"percentile": "p95", "slo_ms": 30.0}, "p95")]
)
def test_the_table_has_the_percentile_that_the_limit_judges(
    asked: Mapping[str, Any], shown: str, efficiency_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = load(efficiency_run, LimitChanges(asked))
    print_efficiency(SECTION.load(run, {}), run)
    (heading,) = [line for line in capsys.readouterr().out.splitlines() if "p50" in line and "images" not in line]
    assert re.findall(r"p\d+", heading) == ["p50", shown]
