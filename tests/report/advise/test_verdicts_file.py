"""verdicts.csv, column by column."""

from __future__ import annotations

from pathlib import Path

from colocate.model.limits import Limits
from colocate.report.advise.verdicts_file import write_verdicts
from tests.report.advise.judged import judged
from tests.rows import rows_of

COLUMNS = (
    "network,task,containment,placement,backend,precision,batch,graph,wait,period_s,rig,cpu_hz,gpu_hz,emc_hz,"
    "verdict,decided_by,limit,value,value_lo,value_hi,further_blocks,reason"
)


def test_a_row_holds_the_quantity_that_decided(tmp_path: Path) -> None:
    path = write_verdicts(judged(), tmp_path / "verdicts.csv")
    rows = rows_of(path)
    assert path.read_text().splitlines()[0] == COLUMNS
    assert [(row["task"], row["verdict"], row["decided_by"], row["limit"]) for row in rows] == [
        ("cool", "SAFE", "slowdown_p95", "1.2"), ("hot", "UNSAFE", "power_w", "10"),
        ("warm", "UNDECIDED", "power_w", "10"),
    ]  # fmt: skip
    assert float(rows[1]["value_lo"]) < float(rows[1]["value"]) < float(rows[1]["value_hi"])
    assert rows[0]["reason"] == "" and rows[2]["reason"] == "the limit lies inside the interval of power"


def test_a_quantity_that_is_absent_leaves_its_fields_empty(tmp_path: Path) -> None:
    rows = rows_of(write_verdicts(judged(Limits(slo_s=0.03)), tmp_path / "verdicts.csv"))
    assert {(row["value"], row["value_lo"], row["verdict"]) for row in rows} == {("", "", "UNDECIDED")}
