"""report.md of a training."""

from __future__ import annotations

from pathlib import Path

from colocate.report.training.markdown import training_markdown
from tests.report.training.settings import MESSAGE, report_of, run_of


def test_the_choice_and_every_setting(tmp_path: Path) -> None:
    run = run_of(tmp_path / "my-run")
    page = training_markdown(report_of(run), run)
    assert page.startswith("# colocate: run my-run\n")
    assert "- **lenet**: batch 128, 1 GPU, fp32; " in page
    assert f"failed: {MESSAGE}" in page
    (two,) = (line for line in page.splitlines() if "batch 64, 2 GPUs, fp32" in line)
    assert [cell.strip() for cell in two.split("|")][-4:-2] == ["1.43", "1.40"]
