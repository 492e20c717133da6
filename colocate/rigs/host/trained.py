"""How the worker of a network that is trained is started, and what a machine needs for training."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from colocate.errors import HostError, SpecError
from colocate.inference.networks import cache
from colocate.model.machine import Missing
from colocate.model.request import Inference, Training
from colocate.training.material import material
from colocate.training.registry import is_own
from colocate.worker import packages, start
from colocate.worker.request import Request, TrainingRequest

_BACKEND = "colocate.training.backend:TrainingSteps"
FIX = "pip install '.[training]'"
# torch is read from a slow card, a folder of images is looked through, and a network is made.
_ANSWER_S = 300.0


def training_command(
    inference: Inference,
    training: Training,
    seed: int,
    python: str | None = None,
    module: str = "colocate.worker",
) -> list[str]:
    """Return the command that starts rank 0 of a training, or another `module` that takes the same request. `python`
    is the Python to run it under; None is colocate's own.
    """
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
    return [*_start(module, python), request.to_json()]


def check_trainings(inferences: Iterable[Inference], python: str | None) -> None:
    """Try a training step of each network of the user's own, and of one built-in network for each set of data, so
    that what can never be trained fails before a study begins.

    Raises SpecError if a network of the user's own fails. Raises HostError if a built-in one does, or if torch is not
    installed.
    """
    kinds: dict[tuple[str, str], tuple[Inference, Training]] = {}
    for inference in inferences:
        if (training := inference.training) is not None:
            own = inference.network if is_own(inference.network) else ""
            kinds.setdefault((own, training.data), (inference, training))
    if kinds and python is None and packages.find("torch") is None:
        raise HostError(f"training needs torch, which is not installed: {FIX}")
    for (own, _), (inference, training) in kinds.items():
        found = _answered(training_command(inference, training, 0, python, "colocate.training.first_step"))
        if isinstance(found, str):
            raise (SpecError if own else HostError)(found)


def trained_from(inferences: Iterable[Inference]) -> Mapping[str, Mapping[str, Any]]:
    """Return what describes the network and data of each training, by name; see `colocate.training.material`. Raises
    SpecError if a file cannot be read.
    """
    named = {(each.network, each.training.data) for each in inferences if each.training is not None}
    try:
        return {name: described for network, data in sorted(named) for name, described in material(network, data)}
    except OSError as error:
        raise SpecError(f"{error.filename} cannot be read: {error.strerror}") from error


def look_at_torch() -> Mapping[str, Any] | Missing:
    """Return what colocate's own Python has for training (see `colocate.training.look`), or why it has nothing."""
    if packages.find("torch") is None:
        return Missing("not installed", FIX)
    found = _answered(_start("colocate.training.look", None))
    return Missing(found, FIX) if isinstance(found, str) else found


def _start(module: str, python: str | None) -> list[str]:
    return [python or sys.executable, str(start.__file__), module]


def _answered(command: list[str]) -> Mapping[str, Any] | str:
    """Return the JSON answer of a process, or why it gave none: the last line of its stderr."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_ANSWER_S, check=False,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"{command[0]} does not answer within {_ANSWER_S:g} s: its disk is slow, or the machine busy"
    except OSError as error:
        return f"{command[0]} cannot be started: {error.strerror}"
    if done.returncode == 0:
        found: Mapping[str, Any] = json.loads(done.stdout)
        return found
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"{command[0]} ended with status {done.returncode} and no word"
