"""A run of networks alone as report.md."""

from __future__ import annotations

from pathlib import Path

from colocate.report.efficiency.load import load
from colocate.report.efficiency.markdown import COLUMNS, efficiency_markdown
from tests.report.efficiency.settings import BEST, PLAIN
from tests.report.efficiency.test_section import run_of


def test_the_choice_comes_before_the_settings(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", PLAIN, BEST)
    page = efficiency_markdown(load(run, {}), run)
    assert page.startswith("# colocate: run run\n")
    assert page.index("## Best for most images/s/W") < page.index("images/s/W x ") < page.index("## Settings")
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert rows[0] == f"| {' | '.join(COLUMNS)} |" and len(rows) == 2 + 3, "two settings, and one that failed"
    assert sum("failed: " in row for row in rows) == 1 and sum("| best" in row for row in rows) == 1
