"""A comparison as a page of Markdown that shows every name as it is."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from colocate.report.compare.load import compare_runs
from colocate.report.compare.markdown import comparison_markdown
from colocate.report.compare.to_json import comparison_json
from colocate.store.run_file import Run
from tests.report.compare.runs import run


def test_names_do_not_break_the_page(tmp_path: Path) -> None:
    name = "/a/x|`y`<b>\x1b[1m.onnx"
    a, b = run(tmp_path / "a", name), run(tmp_path / "b", name)
    slower = tmp_path / "c"
    with Run.read(b) as before, Run.create(slower, before.header()) as after:
        for record in before.records():
            after.append(dataclasses.replace(record, latencies_s=record.latencies_s * 2))
    found = compare_runs(a, slower, 0.0, 0.95)
    assert found.comparison.regressions
    page = comparison_markdown(found)
    assert "\x1b" not in page and "<b>" not in page.replace("\\<b\\>", "") and "x\\|" in page
    assert comparison_json(found)["regressions"] == len(found.comparison.regressions)


def test_a_page_without_a_change_has_no_table(tmp_path: Path) -> None:
    a = run(tmp_path / "a")
    page = comparison_markdown(compare_runs(a, a, 0.0, 0.95))
    assert page.startswith("## 3 comparisons: 0 regressions, 0 improvements, 3 neither") and "|" not in page
