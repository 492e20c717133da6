"""One rank of a training: a network, its share of each batch, and one step at a time."""

from __future__ import annotations

import contextlib
import copy
import datetime
import os
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import distributed, nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel
from torch.utils.flop_counter import FlopCounterMode

from colocate.training.data import load
from colocate.training.order import Order
from colocate.training.registry import Trainable, trainable
from colocate.worker.errors import WorkerError
from colocate.worker.request import Request, TrainingRequest

MOMENTUM, WEIGHT_DECAY = 0.9, 5e-4
# So many steps with the exchange of gradients, and as many without, show the difference well.
EXCHANGES = 10
# After so long, a rank stops waiting for another.
PATIENCE = datetime.timedelta(seconds=300)
_COUNTED_IMAGES = 2


class Trainer:
    """One rank, ready to step. Raises WorkerError if the GPU, a package, the data or the network cannot be used."""

    def __init__(self, request: Request, rank: int = 0, store: Any | None = None) -> None:
        """`store` connects this rank with the others, which share each batch; None if this rank is the only one."""
        training = _training(request)
        self._device = device_of(training, rank)
        _set_precision(request.precision)
        kind = trainable(request.network)
        self._data = load(training.data, kind.image, request.batch)
        torch.manual_seed(training.seed)
        self._module: nn.Module = _made(request.network, kind, self._data.classes).to(self._device)
        self._shape(request.network)
        if store is not None:
            # Each rank draws its own dropout.
            torch.manual_seed(training.seed * training.ranks + rank)
            backend = "nccl" if training.on_gpu else "gloo"
            distributed.init_process_group(
                backend, store=store, rank=rank, world_size=training.ranks, timeout=PATIENCE
            )
        where = [self._device.index] if training.on_gpu else None
        self._model: Any = DistributedDataParallel(self._module, where) if store is not None else self._module
        self._optimizer = torch.optim.SGD(
            self._module.parameters(), training.learning_rate, MOMENTUM, weight_decay=WEIGHT_DECAY
        )
        self._half = request.precision == "bf16"
        self._order = Order(self._data.train_images, request.batch, training.seed, rank, training.ranks)
        self._batches = self._data.batches(self._order, self._device)
        self._last_end: Any = None

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches in an epoch."""
        return self._order.steps

    @property
    def has_accuracy(self) -> bool:
        """Whether the data has held-out images."""
        return self._data.held_out > 0

    def step(self) -> None:
        """Take one step. On a GPU it returns when the step before has ended, so that one step is always under way."""
        self._optimizer.zero_grad(set_to_none=True)
        self._backward()
        self._optimizer.step()
        if self._device.type == "cuda":
            end = torch.cuda.Event()
            end.record()
            if self._last_end is not None:
                self._last_end.synchronize()
            self._last_end = end

    def accuracy(self) -> float:
        """Return the share of held-out images whose class the network finds."""
        self._module.eval()
        right = count = 0
        with torch.no_grad(), self._autocast(), _without_trying():
            for images, labels in self._data.judged(self._device):
                right += int((self._module(images).argmax(1) == labels).sum())
                count += len(labels)
        self._module.train()
        return right / count

    def exchange_s(self) -> float:
        """Return by how many seconds, at least 0, the exchange of gradients makes a step longer. No weight changes.

        It is the median difference between forward and backward with the exchange and without, by turns.
        """
        taken_s: dict[bool, list[float]] = {True: [], False: []}
        for turn in range(2 * EXCHANGES):
            exchanged = turn % 2 == 0
            self._synchronize()
            began_s = time.monotonic()
            if exchanged:
                self._backward()
            else:
                with self._model.no_sync():
                    self._backward()
            self._synchronize()
            taken_s[exchanged].append(time.monotonic() - began_s)
            self._optimizer.zero_grad(set_to_none=True)
        differences = sorted(a - b for a, b in zip(taken_s[True][1:], taken_s[False][1:], strict=True))
        return max(0.0, differences[len(differences) // 2])

    def facts(self) -> dict[str, Any]:
        """Return facts about the network, its data and the device."""
        found: dict[str, Any] = {
            "runtime": f"torch {torch.__version__}",
            "train_images": self._data.train_images,
            "flop_per_image": self._flop_per_image(),
            "parameters": sum(each.numel() for each in self._module.parameters()),
        }
        if self._device.type == "cuda":
            found["gpu"] = torch.cuda.get_device_name(self._device)
        return found

    def _flop_per_image(self) -> float:
        """Return the FLOP of matrix products and convolutions, forward and backward: 2 per multiply-accumulate."""
        images = torch.zeros(_COUNTED_IMAGES, *self._data.image, device=self._device)
        module = copy.deepcopy(self._module)
        with _without_trying(), FlopCounterMode(display=False) as counter:
            module(images).sum().backward()
        return float(counter.get_total_flops()) / _COUNTED_IMAGES

    def _shape(self, network: str) -> None:
        """Give layers that learn their shape from the first image one. Raises WorkerError if it does not fit the
        network.
        """
        self._module.eval()
        try:
            with torch.no_grad(), _without_trying():
                self._module(torch.zeros(_COUNTED_IMAGES, *self._data.image, device=self._device))
        except (Exception, SystemExit) as error:
            # The user's own network may raise anything.
            if isinstance(error, (torch.cuda.OutOfMemoryError, MemoryError)):
                raise
            shape = "x".join(map(str, self._data.image))
            raise WorkerError(f"{network} cannot take images of {shape}: {one_line(error)}") from error
        self._module.train()

    def _backward(self) -> None:
        images, labels = next(self._batches)
        with self._autocast():
            loss = functional.cross_entropy(self._model(images), labels)
        loss.backward()

    def _autocast(self) -> Any:
        return torch.autocast(self._device.type, torch.bfloat16, enabled=self._half)

    def _synchronize(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)


def device_of(training: TrainingRequest, rank: int) -> torch.device:
    """Return the device of a rank: the GPU of its number, which becomes the current one, or the CPUs.

    Raises WorkerError if the GPU is missing, or CUDA_VISIBLE_DEVICES hides GPUs.
    """
    if not training.on_gpu:
        torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // training.ranks))
        return torch.device("cpu")
    found = torch.cuda.device_count()
    if found < training.ranks:
        build = "" if torch.version.cuda else f" (torch {torch.__version__} is built without CUDA)"
        raise WorkerError(f"GPU {found} is missing: {training.ranks} are asked for and torch sees {found}{build}")
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None and hidden.split(",") != [str(number) for number in range(found)]:
        raise WorkerError("CUDA_VISIBLE_DEVICES hides GPUs, so that meters would follow others: unset it")
    device = torch.device("cuda", rank)
    torch.cuda.set_device(device)
    return device


def one_line(error: BaseException) -> str:
    """Return the first sentence of what torch says; the type of the error if it says nothing."""
    return str(error).strip().splitlines()[0].partition(". ")[0] if str(error).strip() else type(error).__name__


def _made(network: str, kind: Trainable, classes: int) -> nn.Module:
    try:
        module: nn.Module = kind.factory(num_classes=classes)
    except (Exception, SystemExit) as error:  # of the user's own kinds
        raise WorkerError(f"{network} cannot be made: {one_line(error)}") from error
    if not isinstance(module, nn.Module):
        raise WorkerError(f"{network} makes a {type(module).__name__}, not a torch.nn.Module; return the network")
    return module


def _training(request: Request) -> TrainingRequest:
    assert request.training is not None, "this backend trains"
    return request.training


@contextlib.contextmanager
def _without_trying() -> Iterator[None]:
    """Switch off cuDNN's search for the fastest algorithm: it takes seconds, and these shapes are not seen again."""
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = True


def _set_precision(precision: str) -> None:
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.benchmark = True
