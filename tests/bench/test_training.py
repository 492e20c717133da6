"""What measuring costs a training: steps as the worker takes them against a bare loop of torch, turn by turn.

Both are of one network, one data set and one optimiser in one process, so that nothing else differs. On a GPU where
there is one, else on the CPUs. Run with `pytest -m bench -s tests/bench/test_training.py`.
"""

from __future__ import annotations

import importlib.util
import time

import numpy as np
import pytest

from colocate.study.stats import paired_ratio
from colocate.worker.request import Request, TrainingRequest

pytestmark = [
    pytest.mark.bench,
    pytest.mark.skipif(not importlib.util.find_spec("torch"), reason="torch is not installed"),
]
TURNS, TURN_S, COUNTED_S = 40, 0.5, 30.0


def test_steps_of_the_worker_are_as_quick_as_a_bare_loop() -> None:
    import torch
    from torch.nn import functional

    from colocate.training.backend import TrainingSteps
    from colocate.worker.loop import measure

    on_gpu = torch.cuda.is_available()
    network, batch = ("resnet50", 64) if on_gpu else ("lenet", 64)
    training = TrainingRequest(1, on_gpu, "synthetic" if on_gpu else "digits", 0, 0.01, 0)
    steps = TrainingSteps(Request("", network, "fp32", batch, training=training))
    trainer = steps._trainer

    class Clock:
        """A parent that speaks when a turn is over."""

        end_s = 0.0

        def pending(self) -> bool:
            return time.monotonic() > self.end_s

    def worker() -> float:
        clock = Clock()
        clock.end_s = time.monotonic() + TURN_S
        report = measure(steps, clock)  # type: ignore[arg-type]
        trainer._synchronize()
        return len(report["latencies_ns"]) / (time.monotonic() - clock.end_s + TURN_S)

    def bare() -> float:
        began_s, count = time.monotonic(), 0
        while time.monotonic() < began_s + TURN_S:
            trainer._optimizer.zero_grad(set_to_none=True)
            images, labels = next(trainer._batches)
            functional.cross_entropy(trainer._model(images), labels).backward()
            trainer._optimizer.step()
            count += 1
            # A loop that never waits would queue steps without end.
            if on_gpu and count % 8 == 0:
                trainer._synchronize()
        trainer._synchronize()
        return count / (time.monotonic() - began_s)

    for _ in range(3):
        worker(), bare()
    rates = np.array([(worker(), bare()) if turn % 2 else (bare(), worker())[::-1] for turn in range(TURNS)])
    ratio = paired_ratio(rates[:, 1], rates[:, 0])
    print(f"\nimages/s of the worker over a bare loop: {ratio.value:.4f} [{ratio.lo:.4f}, {ratio.hi:.4f}]")
    assert ratio.value >= 0.99


def test_the_energy_counter_agrees_with_the_integral_of_power() -> None:
    """Over 30 s of a training on the first GPU, whose power of the moment is read after each step."""
    nvml = pytest.importorskip("pynvml")
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("there is no GPU")
    from colocate.training.backend import TrainingSteps

    steps = TrainingSteps(
        Request("", "resnet50", "tf32", 64, training=TrainingRequest(1, True, "synthetic", 0, 0.01, 0))
    )
    nvml.nvmlInit()
    gpu = nvml.nvmlDeviceGetHandleByIndex(0)

    def step_of_the_counter() -> tuple[float, float]:
        """When the counter next steps, and what it shows then, in joules."""
        before = nvml.nvmlDeviceGetTotalEnergyConsumption(gpu)
        while (now := nvml.nvmlDeviceGetTotalEnergyConsumption(gpu)) == before:
            steps.infer()
        return time.monotonic(), now / 1e3

    for _ in range(100):
        steps.infer()
    begin_s, begin_j = step_of_the_counter()
    taken_s, watts = [], []
    while time.monotonic() < begin_s + COUNTED_S:
        steps.infer()
        (field,) = nvml.nvmlDeviceGetFieldValues(gpu, [nvml.NVML_FI_DEV_POWER_INSTANT])
        taken_s.append(time.monotonic())
        watts.append(field.value.uiVal / 1e3)
    end_s, end_j = step_of_the_counter()
    integral_j = float(np.trapezoid(watts, taken_s)) * (end_s - begin_s) / (taken_s[-1] - taken_s[0])
    ratio = (end_j - begin_j) / integral_j
    print(f"\nenergy by the counter over the integral of power: {ratio:.4f}")
    assert ratio == pytest.approx(1, abs=0.02)
