"""Small trainings, on CPUs."""

from __future__ import annotations

from colocate.worker.request import Request, TrainingRequest


def request(
    network: str = "lenet",
    data: str = "digits",
    *,
    batch: int = 64,
    precision: str = "fp32",
    ranks: int = 1,
    on_gpu: bool = False,
    epochs: int = 1,
    seed: int = 0,
) -> Request:
    """LeNet on the digits, unless it says otherwise."""
    training = TrainingRequest(ranks, on_gpu, data, epochs, 0.01, seed)
    target = "colocate.training.backend:TrainingSteps"
    return Request(target, network, precision, batch, training=training)
