"""How the worker of a network that is trained is started, and what a machine needs for that."""

from __future__ import annotations

import sys

from colocate.errors import HostError
from colocate.inference.networks import cache
from colocate.model.request import Inference, Training
from colocate.worker import packages, start
from colocate.worker.request import Request, TrainingRequest

_BACKEND = "colocate.training.backend:TrainingSteps"


def training_command(inference: Inference, training: Training, seed: int, python: str | None = None) -> list[str]:
    """What starts rank 0, under the Python of the user's choice."""
    request = Request(
        target=_BACKEND,
        network=inference.network,
        precision=inference.precision,
        batch=inference.batch,
        cache=cache.root(),
        training=TrainingRequest(
            training.ranks, training.on_gpu, training.data, training.epochs, training.learning_rate, seed
        ),
    )
    return [python or sys.executable, str(start.__file__), "colocate.worker", request.to_json()]


def check_torch(python: str | None) -> None:
    """Raise HostError where colocate's own Python is to train and has no torch."""
    if python is None and packages.find("torch") is None:
        raise HostError("training needs torch, which is not installed: pip install '.[training]'")
