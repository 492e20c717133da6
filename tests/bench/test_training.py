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
TURNS, TURN_S = 40, 0.5


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
