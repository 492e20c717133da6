"""What a run of settings shows, under its own aim or another."""

from __future__ import annotations

from pathlib import Path

from colocate.model.purpose import Aim
from colocate.report.efficiency.load import load
from colocate.report.run_report import load as load_run


def test_another_aim_takes_the_place_of_the_runs_field_by_field(efficiency_run: Path) -> None:
    run = load_run(efficiency_run)
    own = load(run, {})
    assert own.aim == Aim(latency_limit_s=0.6) and len(own.rows) == 4
    (found,) = own.trade_offs
    assert found.best is not None and found.best.setting.inference.batch == 128
    assert found.default is not None and found.default.setting.inference.batch == 1
    strict = load(run, {"latency_limit_s": 0.015, "quantile": "p50_s"})
    assert strict.aim == Aim(0.015, "p50_s") and strict.rows == own.rows
    (found,) = strict.trade_offs
    assert found.best is not None and found.best.setting.inference.batch == 1
    (found,) = load(run, {"latency_limit_s": None}).trade_offs
    assert found.candidates == 4
