"""best.toml: a study that runs the best settings beside tasks."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from colocate.model.purpose import Aim
from colocate.report.efficiency.best_study import best_study
from colocate.report.efficiency.load import EfficiencyReport
from colocate.request.spec import make_spec, make_study
from colocate.request.study_file import read_study
from colocate.study.efficiency import efficiencies
from colocate.study.trade_offs import trade_offs
from tests.commands.command_line import colocate, header_of
from tests.inference import own_files
from tests.rows import rows_of
from tests.study.solo import solo


def test_the_best_settings_are_a_study(efficiency_run: Path, tmp_path: Path) -> None:
    spec = make_spec(read_study(efficiency_run / "best.toml"))
    (best,) = [row for row in rows_of(efficiency_run / "efficiency.csv") if row["best"] == "1"]
    (inference,) = spec.inferences
    assert (inference.network, inference.precision, inference.batch, inference.backend) == (
        "alexnet", best["precision"], int(best["batch"]), best["backend"],
    )  # fmt: skip
    assert spec.limits is not None and (spec.limits.slo_s, spec.limits.percentile) == (0.6, "p99")
    done = colocate("sweep", efficiency_run / "best.toml", "--out", tmp_path / "run", "--quiet", "--json")
    assert done.returncode == 0, done.stderr
    clocks = {(row["cpu_hz"], row["gpu_hz"]) for row in rows_of(tmp_path / "run" / "cells.csv")}
    assert clocks == {(best["cpu_hz"], best["gpu_hz"])}
    advised = colocate("advise", tmp_path / "run", "--json")
    assert json.loads(advised.stdout)["limits"]["slo_s"] == 0.6


def test_the_study_of_the_best_is_of_this_aim_and_keeps_how_it_was_run(tmp_path: Path) -> None:
    run = tmp_path / "run"
    done = colocate(
        "efficiency", "--rig", "tx1-model", "--networks", "alexnet,squeezenet1_1", "--batches", "1,32", "--repeats",
        "2", "--cpu-clocks", "high", "--gpu-clocks", "691.2,998.4", "--window", "4", "--seed", "7", "--out", run,
        "--slo-ms", "100", "--quiet",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    text = (run / "best.toml").read_text()
    spec = make_spec(read_study(run / "best.toml"))
    assert (spec.window_s, spec.seed, spec.gpu_clocks) == (4, 7, (691_200_000, 998_400_000))
    assert "#   alexnet: 1734/998.4 MHz\n#   squeezenet1_1: 1734/691.2 MHz\n" in text
    # A latency beyond the limit is worth less there, not forbidden.
    assert colocate("report", run, "--utility", "fading").returncode == 0
    assert make_spec(read_study(run / "best.toml")).limits is None
    # Nothing keeps it: the file of another aim does not stay behind.
    done = colocate("report", run, "--slo-ms", "0.001")
    assert "no setting keeps the limit" in done.stdout
    assert not (run / "best.toml").exists()


def test_the_batch_of_a_file_counts_and_stands_in_the_study(efficiency_run: Path, tmp_path: Path) -> None:
    path = str(own_files.convolution(tmp_path / "m.onnx", [8, 3, "h", "w"]))
    keys = {"shapes": {"images": "8x3x32x32"}, "networks": [path], "backend": "onnxruntime-cpu", "stressors": []}
    study = make_study(keys)
    (fixed,) = study.spec.inferences
    rows = efficiencies([solo(fixed, 0.01, 5.0, repeat) for repeat in range(3)], study.spec)
    (found,) = trade_offs(rows)
    assert rows[0].images_per_s is not None and rows[0].energy_per_image_j is not None
    assert (rows[0].images_per_s.value, rows[0].energy_per_image_j.value) == pytest.approx((800, 5.0 * 0.01 / 8))
    assert found.best is found.default is rows[0]
    header = dataclasses.replace(header_of(efficiency_run), request=keys, spec=study.spec)
    text = best_study(EfficiencyReport(Aim(), rows, (found,)), header)
    assert text is not None
    (tmp_path / "best.toml").write_text(text)
    assert make_spec(read_study(tmp_path / "best.toml")).inferences == (fixed,)
