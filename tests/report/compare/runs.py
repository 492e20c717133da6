"""Small runs of one network beside tasks, to be set against each other, and a comparison of two."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from colocate.model.limits import Quantity
from colocate.model.request import Inference, SweepSpec, Task
from colocate.model.trial import TrialRecord
from colocate.report.compare.load import Compared
from colocate.store.run_file import Header, Run
from colocate.study.comparison import compare
from colocate.study.plan import plan
from tests.study.tables import COLOCATED, SOLO, evidence
from tests.study.test_plan import facts

MACHINE = facts(backends=("onnxruntime-cpu",))
P50, POWER = Quantity.LATENCY_P50, Quantity.POWER
STEADY = np.array([1.0, 1.001, 0.999])


def run(
    folder: Path,
    network: str = "/a/mine.onnx",
    sha256: str = "1",
    batch: int = 1,
    argv: tuple[str, ...] = ("true",),
    repeats: int = 3,
    also: tuple[Task, ...] = (),
    done: int | None = None,
) -> Path:
    """A run of one network beside one task and what is `also` there, so many blocks of windows that are all alike.

    Only the first `done` trials have ended, if that is given.
    """
    spec = SweepSpec(
        (Inference(network, "onnxruntime-cpu", batch=batch),), (Task("mine", argv), *also), repeats=repeats
    )
    trials = plan(spec, MACHINE)
    label = f"{network}, batch {batch}, fp32"
    with Run.create(folder, Header({}, spec, MACHINE, {label: {"sha256": sha256}}, None, len(trials))) as made:
        for index, trial in enumerate(trials[:done]):
            latencies_s = np.full(100 if trial.inference else 0, 0.01 * 1.01 ** (index % 3))
            made.append(TrialRecord(trial, 0.0, 1.0, latencies_s, latencies_s, runtime={"version": "1.2"}))
    return folder


def compared(allowed: float = 0.0) -> Compared:
    """The network alone twice as slow, its power half beside a task, and a task in one run alone."""
    before = [evidence(SOLO[0], {P50: STEADY}), evidence(COLOCATED[0], {POWER: 8 * STEADY})]
    after = [evidence(SOLO[0], {P50: 2 * STEADY}), evidence(COLOCATED[0], {POWER: 4 * STEADY})]
    more = [evidence(COLOCATED[1], {P50: STEADY})]
    return Compared(compare([*before, *more], after, allowed), ("kernel was 5 and is 6",), ("A note.",))
