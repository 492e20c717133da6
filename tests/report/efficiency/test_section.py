"""How a run of settings is shown: a table, the best of them as a study, and a figure for each network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from colocate.model.purpose import Aim, Axes, EfficiencyPurpose
from colocate.model.request import Inference, SweepSpec
from colocate.model.trial import Failure
from colocate.report.efficiency.section import SECTION
from colocate.report.run_report import LoadedRun
from colocate.store.run_file import Header
from tests.report.drawn import CAPTION
from tests.report.efficiency.settings import BEST, CLOCKS, FAILED, MESSAGE, PLAIN
from tests.rows import rows_of
from tests.study.solo import solo
from tests.study.test_plan import facts
from tests.study.truth import trial

# Two files of one name, which need figures of different names.
FILES = tuple(Inference(f"/{folder}/own.onnx", "tensorrt") for folder in ("a", "b"))


def run_of(folder: Path, *inferences: Inference, aim: Aim | None = None) -> LoadedRun:
    """Three repeats of each setting, 10 ms times the root of its batch, and one setting that failed."""
    records = tuple(
        solo(inference, 0.01 * inference.batch**0.5, 5.0, repeat, CLOCKS)
        for repeat in range(3)
        for inference in inferences
    )
    spec = SweepSpec((*inferences, FAILED), ())
    networks = tuple(dict.fromkeys(each.network for each in inferences))
    purpose = EfficiencyPurpose(Axes(networks), aim or Aim(), "tensorrt")
    header = Header({}, spec, facts(), {}, None, len(records) + 1, purpose)
    return LoadedRun(folder, header, records, (Failure(trial(0, None, FAILED, CLOCKS), MESSAGE),), ())


def test_every_setting_is_in_the_table_and_the_best_is_a_study(tmp_path: Path) -> None:
    run = run_of(tmp_path, PLAIN, BEST)
    report = SECTION.load(run, {})
    assert [path.name for path in SECTION.files(report, run)] == ["efficiency.csv", "best.toml"]
    rows = rows_of(tmp_path / "efficiency.csv")
    assert {(row["batch"], row["best"], row["failure"]) for row in rows} == {
        ("1", "0", ""), ("8", "1", ""), ("64", "0", MESSAGE),
    }  # fmt: skip
    assert "batch = 8" in (tmp_path / "best.toml").read_text()


def test_the_best_of_another_aim_does_not_stay_behind(tmp_path: Path) -> None:
    run = run_of(tmp_path, PLAIN, BEST)
    list(SECTION.files(SECTION.load(run, {}), run))
    assert (tmp_path / "best.toml").exists()
    nothing = SECTION.load(run, {"latency_limit_s": 1e-6})
    assert [path.name for path in SECTION.files(nothing, run)] == ["efficiency.csv"]
    assert not (tmp_path / "best.toml").exists()
    # Nor is it missed where there was none.
    assert [path.name for path in SECTION.files(nothing, run)] == ["efficiency.csv"]


def test_each_network_has_a_figure_of_its_own_name(tmp_path: Path) -> None:
    run = run_of(tmp_path, PLAIN, *FILES)
    figures = dict(SECTION.figures(SECTION.load(run, {}), run, CAPTION))
    assert list(figures) == ["efficiency-alexnet", "efficiency-own", "efficiency-own~2"]
    assert [len(pages()) for pages in figures.values()] == [1, 1, 1]


def test_the_json_has_every_setting_and_every_choice(tmp_path: Path) -> None:
    run = run_of(tmp_path, PLAIN, BEST)
    found = SECTION.json(SECTION.load(run, {}), run)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert [setting["batch"] for setting in found["settings"] if setting["best"]] == [8]
    (choice,) = found["trade_offs"]
    assert (choice["network"], choice["best"]["batch"]) == ("alexnet", 8)


def test_the_aim_of_the_run_holds_where_none_is_given(tmp_path: Path) -> None:
    run = run_of(tmp_path, PLAIN, BEST, aim=Aim(latency_limit_s=0.015))
    within, anything = SECTION.load(run, {}), SECTION.load(run, {"latency_limit_s": None})
    assert [choice.best and choice.best.setting.inference.batch for choice in within.trade_offs] == [1]
    assert [choice.best and choice.best.setting.inference.batch for choice in anything.trade_offs] == [8]


def test_a_person_sees_the_choice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = run_of(tmp_path, PLAIN, BEST)
    SECTION.show(SECTION.load(run, {}), run)
    assert "alexnet: tensorrt fp16 batch 8" in capsys.readouterr().out
