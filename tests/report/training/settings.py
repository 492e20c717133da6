"""A run of LeNet in four settings: one GPU and two, two batches; and one that failed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from colocate.model.purpose import TrainingAim, TrainingAxes, TrainingPurpose
from colocate.model.request import Inference, SweepSpec, Training
from colocate.model.trial import Failure, PowerTrace, TrialRecord
from colocate.report.run_report import LoadedRun
from colocate.report.training.load import TrainingReport, load
from colocate.store.run_file import Header
from tests.study.solo import solo
from tests.study.test_plan import facts
from tests.study.truth import trial

RAILS = ("nvml:gpu0", "nvml:gpu1")
MESSAGE = "lenet cannot be trained: CUDA out of memory"
SEEDS = 4


def network(batch: int, ranks: int = 1, *, on_gpu: bool = True) -> Inference:
    """LeNet on the digits."""
    training = Training(ranks=ranks, on_gpu=on_gpu, data="digits", epochs=10)
    return Inference("lenet", training.backend, batch=batch, training=training)


# Milliseconds of a step, and W of a GPU that works.
STEPS = {network(64): 10.0, network(128): 15.0, network(64, 2): 7.0, network(128, 2): 9.0}
FAILED = network(4096)


def window(
    inference: Inference, step_s: float, repeat: int, accuracy: float | None, watts: float | None
) -> TrialRecord:
    """A window of 100 steps."""
    made = solo(inference, step_s * (1 + 0.01 * repeat), None, repeat, n=100)
    found: dict[str, str | int | float | bool] = {"train_images": 1000, "flop_per_image": 2e6}
    if accuracy is not None:
        found["accuracy"] = accuracy
    if inference.training is not None and inference.training.ranks > 1:
        found["all_reduce_s"] = 0.2 * step_s
    trace = None if watts is None else PowerTrace(np.array([0.0]), np.full((1, 2), watts), RAILS, 0.1)
    return dataclasses.replace(made, power=trace, runtime=found)


def run_of(
    folder: Path = Path("run"), *, aim: TrainingAim | None = None, accurate: bool = True, watts: float | None = 100.0
) -> LoadedRun:
    """The run in `folder`; its accuracies differ by less than a thousandth."""
    records = tuple(
        window(inference, 1e-3 * step_ms, repeat, 0.98 + 1e-4 * repeat if accurate else None, watts)
        for inference, step_ms in STEPS.items()
        for repeat in range(SEEDS)
    )
    spec = SweepSpec((*STEPS, FAILED), ())
    purpose = TrainingPurpose(TrainingAxes(("lenet",)), aim or TrainingAim())
    header = Header({}, spec, facts(), {}, None, len(records) + 1, purpose)
    return LoadedRun(folder, header, records, (Failure(trial(0, None, FAILED), MESSAGE),), ())


def report_of(run: LoadedRun) -> TrainingReport:
    """What the run shows."""
    return load(run, {})
