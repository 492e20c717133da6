"""The advice as JSON: every verdict with what it hangs on, under names with units."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from colocate.model.limits import Limits
from colocate.report.advise.to_json import advice_json
from tests.report.advise.judged import DONE, evidence_of, judged


def test_every_verdict_names_what_it_hangs_on() -> None:
    found = advice_json(judged(), Path("run"))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    cool, hot, warm = found["verdicts"]
    assert [each["task"] for each in found["verdicts"]] == ["cool", "hot", "warm"]
    assert (cool["verdict"], hot["verdict"], warm["verdict"]) == ("SAFE", "UNSAFE", "UNDECIDED")
    assert (cool["decided_by"], hot["decided_by"], warm["decided_by"]) == ("slowdown_p95", "power_w", "power_w")
    assert warm["further_blocks"] > 1 and hot["further_blocks"] is None
    assert [check["limit"] for check in hot["checks"]] == [1.2, 10.0]
    assert found["counts"] == {"SAFE": 1, "UNSAFE": 1, "UNDECIDED": 1}
    (choice,) = found["choices"]
    assert (choice["task"], choice["containment"]) == ("cool", "none")
    assert choice["recommended"] and choice["on_front"] and choice["best_of_task"]
    assert (found["rig"], found["model"], found["answers"][0]["network"]) == ("host", None, "alexnet")
    assert (choice["power_w"], choice["p50_s"], choice["p95_s"]) == (8.0, 0.010, 0.012)
    assert found["untried"] == {} and found["answers"][0]["headline"].startswith("cool, isolated: ")
    assert (found["run"], found["done"], found["wanted"], found["saving"]) == ("run", DONE, 0, None)


def test_a_margin_that_no_float_holds_is_absent() -> None:
    found = advice_json(judged(Limits(power_budget_w=1e-320)), Path("run"))
    assert {check["margin"] for each in found["verdicts"] for check in each["checks"]} == {None}
    json.dumps(found, allow_nan=False)


def test_the_misses_of_a_frame_rate_stand_beside_the_verdict() -> None:
    timed = [
        dataclasses.replace(each, cell=dataclasses.replace(each.cell, miss_ratio=0.25, longest_miss_run=3))
        for each in evidence_of()
    ]
    found = advice_json(judged(evidence=timed), Path("run"))
    assert {(v["miss_ratio"], v["longest_miss_run"]) for v in found["verdicts"]} == {(0.25, 3)}
