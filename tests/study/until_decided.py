"""A study until decided of three tasks, of which one lies near to its limit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from colocate.model.limits import Limits
from colocate.model.request import Inference, SweepSpec, Task
from colocate.model.trial import Trial, TrialRecord
from colocate.study.plan import plan
from colocate.study.stages import state_of
from tests.study.test_plan import facts

# Median latency beside each task, in units of the solo one.
SLOWDOWNS = {"light": 1.0, "near": 1.16, "heavy": 1.5}


SPEC = SweepSpec(
    (Inference("alexnet", "synthetic"),),
    tuple(Task(name, ("true",)) for name in SLOWDOWNS),
    repeats=20,
    limits=Limits(max_slowdown=1.2, percentile="p50"),
    until_decided=True,
)


TRIALS = plan(SPEC, facts(probes=("synthetic",)))


def measured(trial: Trial) -> TrialRecord:
    """The same window whenever it is measured; blocks scatter by 2 %."""
    rng = np.random.default_rng(int(trial.trial_id, 16))
    typical_s = 0.01 * SLOWDOWNS[trial.task.name] if trial.task else 0.01
    typical_s *= float(np.exp(0.02 * rng.standard_normal()))
    n = 200 if trial.inference else 0
    latencies_s = typical_s * np.exp(0.01 * rng.standard_normal(n))
    return TrialRecord(trial, 0.0, 2.0, np.linspace(0.0, 2.0, n), latencies_s)


def carried_on(records: Sequence[TrialRecord], spec: SweepSpec = SPEC, most: int = 10**9) -> list[TrialRecord]:
    """The study continued from `records`, for at most so many trials more."""
    found = list(records)
    while not (stands := state_of(TRIALS, spec, found, [])).finished:
        done = {record.trial.trial_id for record in found}
        missing = [trial for trial in stands.wanted if trial.trial_id not in done]
        found += [measured(trial) for trial in missing[:most]]
        if (most := most - len(missing)) <= 0:
            break
    return found


WHOLE = carried_on([])
