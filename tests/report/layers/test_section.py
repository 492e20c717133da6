"""How a run of layers is shown: two tables, two figures, and all of it as JSON."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from colocate.errors import SpecError
from colocate.report.layers.roofline import draw_roofline
from colocate.report.layers.section import SECTION
from colocate.report.run_report import LoadedRun
from colocate.report.text.captions import caption_of
from tests.report.drawn import CAPTION, words_on
from tests.report.layers import looked_at
from tests.report.layers.runs import run_of
from tests.rows import rows_of


def test_a_run_of_layers_writes_two_tables_and_two_figures(tmp_path: Path) -> None:
    run = dataclasses.replace(looked_at.run(), folder=tmp_path)
    report = SECTION.load(run, {})
    assert [path.name for path in SECTION.files(report, run)] == ["layers.csv", "layer-groups.csv"]
    assert [row["name"] for row in rows_of(tmp_path / "layers.csv")] == [
        each.name for each in (looked_at.CONV, looked_at.SOFTMAX, looked_at.OVERHEAD)
    ]
    assert {row["grouping"] for row in rows_of(tmp_path / "layer-groups.csv")} >= {"kind", "module", "sum"}
    assert [name for name, pages in SECTION.figures(report, run, CAPTION) if pages()] == ["layers", "roofline"]


def test_the_json_has_what_the_tables_have(tmp_path: Path) -> None:
    run = dataclasses.replace(looked_at.run(), folder=tmp_path)
    report = SECTION.load(run, {})
    list(SECTION.files(report, run))
    found = SECTION.json(report, run)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found.keys() == {*("layers", "groups", "difference_ratio", "ceilings", "notes", "precision", "warnings")}
    assert len(found["layers"]) == len(rows_of(tmp_path / "layers.csv"))


def test_a_run_of_layers_has_no_aim() -> None:
    with pytest.raises(SpecError, match="see colocate advise"):
        SECTION.load(looked_at.run(), {"quantile": "p50_s"})


def test_a_person_sees_the_layers(capsys: pytest.CaptureFixture[str]) -> None:
    run = looked_at.run()
    SECTION.show(SECTION.load(run, {}), run)
    said = capsys.readouterr().out
    assert "conv1" in said and "prob" in said


WRONG = "profile does not add up"


def figures_of(run: LoadedRun) -> dict[str, Figure]:
    caption = caption_of(run.header, run.cells, run.records)
    figures = SECTION.figures(SECTION.load(run, {}), run, caption)
    return {name: found[0] for name, pages in figures if (found := pages())}


def printed(run: LoadedRun, capsys: pytest.CaptureFixture[str]) -> str:
    SECTION.show(SECTION.load(run, {}), run)
    return capsys.readouterr().out


@pytest.mark.parametrize(("whole_s", "wrong"), [(0.01, False), (0.005, True)])
def test_a_profile_that_does_not_add_up_is_a_warning_wherever_its_times_are(
    whole_s: float, wrong: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_of(whole_s)
    figures = figures_of(run)
    assert {*figures} == {"layers", "roofline"}
    for figure in figures.values():
        # Over the figure by name, and below it with what to do.
        words = " ".join(words_on(figure))
        assert (WRONG in words, WRONG.capitalize() in words) == (wrong, wrong)
    assert (f"{WRONG.capitalize()}: all layers together differ" in printed(run, capsys)) == wrong


def test_titles_name_the_precision_of_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    run = run_of(0.01, precision="int8")
    assert "mine.onnx onnxruntime-cpu int8 batch 1" in printed(run, capsys)
    for figure in figures_of(run).values():
        words = " ".join(words_on(figure))
        assert "int8" in words and "fp32" not in words


@pytest.mark.parametrize(
    ("theirs", "said"),
    [("fp32", "in the same runtime, in fp32, which int8 layers may exceed."), ("int8", "runtime.")],
)
def test_a_roof_of_another_precision_is_named(theirs: str, said: str) -> None:
    run = run_of(0.01, precision="int8")
    report = dataclasses.replace(SECTION.load(run, {}), modelled=False, ceilings_precision=theirs)
    figure = draw_roofline(report, caption_of(run.header, run.cells, run.records))
    assert figure is not None and said in " ".join(" ".join(words_on(figure)).split())


def test_a_body_is_set_in_below_what_it_lies_in(capsys: pytest.CaptureFixture[str]) -> None:
    of_layers = printed(run_of(0.01), capsys).split("By layer.")[1].splitlines()
    assert [line[:7].rstrip() for line in of_layers[2:5]] == ["stem", "loop", "  stem"]


def test_tables_are_written(tmp_path: Path) -> None:
    run = run_of(0.01)
    files = list(SECTION.files(SECTION.load(run, {}), LoadedRun(tmp_path, run.header, run.records, (), ())))
    assert [path.name for path in files] == ["layers.csv", "layer-groups.csv"]
    header = files[0].read_text().splitlines()[0]
    assert header.endswith(",warnings,within,precision")
