from __future__ import annotations

from pathlib import Path

import pytest

from colocate.report.efficiency.rows import setting_row, trade_off_row
from colocate.study.trade_offs import TradeOff
from tests.report.efficiency.settings import ROWS, report_for
from tests.rows import rows_of


def test_the_quantities_fit_together(efficiency_run: Path) -> None:
    for row in rows_of(efficiency_run / "efficiency.csv"):
        number = {name: float(text) for name, text in row.items() if name.split("_lo")[0].endswith(("_s", "_w", "_j"))
                  and text}  # fmt: skip
        assert number["images_per_s_per_w"] == pytest.approx(number["images_per_s"] / number["power_w"])
        assert number["energy_per_image_j"] == pytest.approx(1 / number["images_per_s_per_w"])
        assert float(row["images_per_s_lo"]) < number["images_per_s"] < float(row["images_per_s_hi"])
        assert number["p50_s"] < number["p95_s"] < number["p99_s"]
    assert [row["batch"] for row in rows_of(efficiency_run / "efficiency.csv") if row["best"] == "1"] == ["128"]


def test_a_setting_that_failed_has_its_message_and_no_number() -> None:
    report = report_for()
    plain, best, failed = (setting_row(row, report) for row in ROWS)
    assert [(row["best"], row["default"]) for row in (plain, best, failed)] == [(0, 1), (1, 0), (0, 0)]
    assert (failed["failure"], failed["warnings"], failed["n"]) == ("out of memory", "trials failed", 0)
    assert {failed[name] for name in ("images_per_s", "power_w_lo", "energy_per_image_j_hi")} == {None}
    assert (best["warnings"], best["blocks"]) == ("", 3)


def test_a_choice_for_json_has_its_setting_and_how_much_better_it_is() -> None:
    (found,) = report_for().trade_offs
    choice = trade_off_row(found)
    assert choice["best"] == {
        "backend": "tensorrt", "precision": "fp16", "batch": 8, "cpu_hz": 1_734_000_000, "gpu_hz": 998_400_000,
        "emc_hz": None,
    }  # fmt: skip
    assert choice["times_better_lo"] <= choice["times_better"] <= choice["times_better_hi"]
    assert (choice["network"], choice["candidates"], choice["undecided"]) == ("alexnet", 2, 0)
    nothing = trade_off_row(TradeOff("alexnet", None, None, 0))
    assert nothing["best"] is None and nothing["times_better"] is None
