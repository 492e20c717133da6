"""A sweep as report.md."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from colocate.model.cell import SOLO, Interval
from colocate.model.provenance import Constant, Provenance
from colocate.model.quality import QualityFlag
from colocate.report.run_report import load
from colocate.report.sweep.load import load as advised
from colocate.report.sweep.markdown import first_files, sweep_markdown
from colocate.request.limit_keys import LimitChanges
from tests.report.advise.judged import NASTY
from tests.report.alternated import alternated
from tests.report.compare.runs import run
from tests.report.drawn import cell, header, loaded

_TOO_FEW = (QualityFlag.TOO_FEW_FOR_P95, QualityFlag.TOO_FEW_FOR_P99)


def test_every_cell_is_a_row() -> None:
    found = loaded(
        [
            cell(task=SOLO, slowdown_p50=None),
            cell(slowdown_mean=Interval(1.01, 0.98, 1.04), power_w=8.5, warnings=_TOO_FEW),
        ]
    )
    page = sweep_markdown(advised(found, {}), found)
    rows = [
        [part.strip() for part in line.strip("|").split("|")]
        for line in page.replace("\\", "").splitlines()
        if line[:1] == "|"
    ]
    assert rows[2] == ["alexnet", "alone", "isolated", "native", "12.3", "", "", "", ""], "less what no cell has"
    assert rows[3][5:] == ["1.130 [1.090, 1.170]", "1.010 [0.980, 1.040] n.s.", "8.50", "(1)"]
    assert "- (1) too few samples for p95: a p95 needs 72 independent" in page, (
        "each warning has the cells that it is of"
    )
    assert "p99:" not in page, "which no column has"
    assert page.startswith("# colocate: run run\n") and "SAFE" not in page


def test_limits_in_force_and_verdicts_come_first(tmp_path: Path) -> None:
    found = load(run(tmp_path / "run"), LimitChanges({"max_slowdown": 2.0}))
    page = sweep_markdown(advised(found, {}), found)
    assert page.index("1 SAFE, 0 UNSAFE, 0 UNDECIDED with p95 slowdown") < page.index("## Cells")


@pytest.mark.parametrize("limits", [{}, {"max_slowdown": 2.0}])
def test_which_windows_count_is_said_once(limits: dict[str, float]) -> None:
    head, cells, records = alternated(backends=("onnxruntime",))
    found = dataclasses.replace(loaded(cells, records, head), changes=LimitChanges(limits))
    page = sweep_markdown(advised(found, {}), found)
    assert page.count("come from alternating windows") == 1 and ("UNDECIDED" in page) == bool(limits)


def test_of_all_files_it_names_the_ones_to_open_first(tmp_path: Path) -> None:
    judged = load(run(tmp_path / "run"), LimitChanges({"max_slowdown": 2.0}))
    for found, first in (
        (loaded([cell()]), ("report.html",)),
        (loaded([cell(slowdown_mean=Interval(1.1, 1.0, 1.2))]), ("report.html", "figures/heatmap-slowdown-mean.png")),
        (judged, ("report.html", "figures/verdicts.png")),
    ):
        report = advised(found, {})
        assert first_files(report, found) == first
        assert f"Open {' or '.join(first)} first." in sweep_markdown(report, found)


def test_a_model_names_the_factor_that_it_assumes() -> None:
    provenance = Provenance((Constant("contention", 1.0, "ratio", "assumed", ""),), ())
    found = loaded([cell()], of=dataclasses.replace(header(), provenance=provenance))
    page = sweep_markdown(advised(found, {}), found)
    assert (
        "- Slowdown, work lost and latency beside a task rest on an assumption without a source: each byte that task "
        "or network moves in memory delays the other as if the other had moved 1 byte more "
        "(contention = 1; docs/tx1-model.md)."
    ) in page


def test_whatever_a_name_holds_nothing_is_markup() -> None:
    found = loaded([cell(NASTY)])
    page = sweep_markdown(advised(found, {}), found)
    assert "<script>" not in page and "\x1b" not in page and "[x](" not in page
