"""Windows with power and work, and a warning on one of them: what evidence and verdicts are tested on."""

from __future__ import annotations

import dataclasses

import numpy as np

from colocate.model.quality import QualityFlag
from colocate.model.request import SweepSpec
from colocate.model.trial import PowerTrace, TrialRecord, Work
from colocate.study.evidence import Evidence, collect
from tests.study.truth import SPEC, TASK, Truth, record, records, trial

EXTERNAL = (
    QualityFlag.CPU_TIME_STOLEN,
    QualityFlag.OTHER_LOAD,
    QualityFlag.STARTED_HOT,
)


OWN = (QualityFlag.CLOCK_DRIFTED, QualityFlag.THROTTLED, QualityFlag.TASK_ENDED_EARLY)


SENSOR = (
    QualityFlag.WINDOW_SHORT_FOR_SENSOR,
    QualityFlag.SENSOR_STALLED,
    QualityFlag.SENSOR_FAILED,
    QualityFlag.READING_IMPLAUSIBLE,
)


def measured(blocks: int, n: int = 600, seed: int = 0, rho: float = 0.0) -> list[TrialRecord]:
    """Pairs of windows, metered at 8 W, with the task's work beside and alone."""
    solo, colocated = Truth(rho=rho).draw(np.random.default_rng(seed), 1, blocks, n)
    found = [metered(each) for each in records(solo[:, 0], colocated[:, 0])]
    beside = [dataclasses.replace(r, work=Work("images", 90, 2.0, 2.0)) for r in found if r.trial.task]
    alone = [
        dataclasses.replace(record(trial(b, TASK, inference=None), np.array([])), work=Work("images", 100, 2.0, 2.0))
        for b in range(blocks)
    ]
    return [*(r for r in found if not r.trial.task), *beside, *alone]


def metered(of: TrialRecord, watts: float = 8.0) -> TrialRecord:
    return dataclasses.replace(of, power=PowerTrace(np.array([1.0]), np.array([[watts]]), ("VDD_IN",), 0.1))


def flagged(
    done: list[TrialRecord], warning: QualityFlag, *, task: bool = True, inference: bool = True, block: int = 0
) -> list[TrialRecord]:
    """`done` with a warning on one window."""
    hits = [
        r.trial.block == block and bool(r.trial.task) == task and bool(r.trial.inference) == inference for r in done
    ]
    assert sum(hits) == 1
    return [dataclasses.replace(r, warnings=(warning,)) if hit else r for r, hit in zip(done, hits, strict=True)]


def colocated(done: list[TrialRecord], spec: SweepSpec = SPEC) -> Evidence:
    (found,) = (each for each in collect(done, spec) if each.colocated)
    return found
