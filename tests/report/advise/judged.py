"""Advice on a run of one network with tasks that are clear, too hot, and too near to the limit of 10 W."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from colocate.model.cell import Cell
from colocate.model.limits import Limits, Quantity
from colocate.model.request import ClockPoint, Inference, SweepSpec, Task
from colocate.report.advise.load import AdviceReport
from colocate.report.run_report import LoadedRun
from colocate.store.run_file import Header
from colocate.study.advice import advise
from colocate.study.evidence import Evidence
from colocate.study.saving import Saving
from colocate.study.sequential import looks_of
from colocate.study.stages import StudyState
from tests.study.test_plan import facts
from tests.study.truth import record, trial

POWER, P95 = Quantity.POWER, Quantity.SLOWDOWN_P95
LIMITS = Limits(power_budget_w=10.0, max_slowdown=1.2)
NASTY = "a|b`*_[x](http://y)<script>\n# $z$ @all \x1b[31m www.example.org ~~.onnx"
DONE = 30


def evidence_of(network: str = "alexnet") -> tuple[Evidence, ...]:
    """Of the network alone and beside each task, over five blocks."""
    z = np.array([-1.0, 0.0, 1.0, -0.5, 0.5])
    return tuple(
        Evidence(
            Cell(
                Inference(network),
                name,
                "isolated",
                ClockPoint(),
                500,
                5,
                p50_s=0.010,
                p95_s=0.012,
                power_w=power_w,
                work_per_s=1.0,
            ),
            {POWER: dict(enumerate(power_w * np.exp(0.01 * z))), P95: dict(enumerate(1.05 * np.exp(0.01 * z)))},
            {},
            {},
            work_share=0.5 if name != "none" else None,
        )
        for name, power_w in (("none", 7.0), ("cool", 8.0), ("hot", 12.0), ("warm", 9.95))
    )


def judged(
    limits: Limits = LIMITS,
    evidence: Sequence[Evidence] | None = None,
    *,
    finished: bool = True,
    saving: Saving | None = None,
    state: dict[str, Any] | None = None,
    **spec: Any,
) -> AdviceReport:
    """The advice under these limits; `state` and `spec` are fields of the study's state and request."""
    found = evidence_of() if evidence is None else tuple(evidence)
    inferences = tuple(dict.fromkeys(each.cell.inference for each in found))
    asked = dataclasses.replace(SweepSpec(inferences, tuple(map(Task, ("cool", "hot", "warm")))), **spec)
    stands = StudyState((), finished, found, **(state or {}))
    records = tuple(record(trial(block), np.full(3, 0.01)) for block in range(DONE))
    run = LoadedRun(Path("run"), Header({}, asked, facts(), {}, None, 40), records, (), found)
    return AdviceReport(run, stands, advise(found, limits, looks_of(asked)), saving)
