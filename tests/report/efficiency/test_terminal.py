"""Settings on a terminal, however narrow."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rich.console import Console

from colocate.report.efficiency.terminal import print_efficiency
from colocate.report.write import write_report
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
