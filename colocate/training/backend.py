"""A training as a backend of the worker: each inference is one training step of all ranks. This process is rank 0."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from colocate.training.environment import prepare
from colocate.training.followers import Followers
from colocate.worker.backend import Facts
from colocate.worker.errors import WorkerError
from colocate.worker.request import Request

# The first steps take seconds, because cuDNN tries several algorithms.
WARM_STEPS = 5


class TrainingSteps:
    """Trains the network for its epochs and finds its accuracy, then trains on, one step per inference."""

    def __init__(self, request: Request) -> None:
        """Train for all epochs. Raises WorkerError; with other ranks, a failed training ends the process instead."""
        assert request.training is not None
        prepare()
        # Only now: what torch loads looks at the environment.
        try:
            from colocate.training.meeting import opened
            from colocate.training.trainer import Trainer
        except ImportError as error:
            raise WorkerError(f"training needs torch, and {sys.executable} says: {error}") from error

        self._network, self._training = request.network, request.training
        several = request.training.ranks > 1
        store = opened(request) if several else None
        self._followers = Followers(request, store.port if store is not None else 0)
        self._facts: dict[str, Any] = {}
        self._trainer: Any = self._guarded(lambda: Trainer(request, 0, store))
        self._guarded(self._prepare)

    def infer(self) -> None:
        """Take one step of all ranks; see `Backend.infer`."""
        self._guarded(self._step)

    def device_s(self) -> float | None:
        """Return None: the host waits for each step, so its own time serves as well."""
        return None

    def facts(self) -> Facts:
        """Return versions and data, the accuracy after all epochs, and the seconds that exchanging gradients adds."""
        return self._facts

    def _prepare(self) -> None:
        trainer = self._trainer
        self._facts = trainer.facts()
        if trainer.has_accuracy and self._training.epochs:
            for _ in range(self._training.epochs * trainer.steps_per_epoch):
                self._step()
            self._facts["accuracy"] = trainer.accuracy()
        for _ in range(WARM_STEPS):
            self._step()
        if self._training.ranks > 1:
            self._followers.tell("exchange_s")
            self._facts["all_reduce_s"] = trainer.exchange_s()

    def _step(self) -> None:
        self._followers.tell("step")
        self._trainer.step()

    def _guarded(self, work: Callable[[], Any]) -> Any:
        """Return what `work` returns. Raises WorkerError with one line; with other ranks the process ends instead."""
        from colocate.training.trainer import one_line

        try:
            return work()
        except WorkerError as error:
            self._followers.fail(str(error))
            raise
        except (Exception, SystemExit) as error:
            # Errors of torch (no memory, no GPU, no other rank), and any kind of the user's own network.
            why = f"{self._network} cannot be trained: {one_line(error)}"
            self._followers.fail(why)
            raise WorkerError(why) from error
