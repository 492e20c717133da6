"""The layers of a network as report.md."""

from __future__ import annotations

from colocate.report.layers.load import load
from colocate.report.layers.markdown import KINDS, LAYERS, layers_markdown
from tests.report.layers.looked_at import run


def test_kinds_come_before_layers() -> None:
    report = load(run(), {})
    page = layers_markdown(report, run())
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert page.startswith("# Layers of net\n") and "Layers add up to 1.05 ms" in page
    assert rows[0] == f"| {' | '.join(KINDS)} |" and f"| {' | '.join(LAYERS)} |" in rows
    assert "| conv1 | convolution | 0.600 | 57.1 % | 3.57 |" in rows
    assert all(note.split()[0] in page for note in report.notes)
