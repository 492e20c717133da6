"""The steps in which a runtime runs a network, from a profile in a process of its own: see `worker.profile`."""

from __future__ import annotations

import json
import subprocess

from colocate.errors import HostError
from colocate.inference.backends.interpreter import worker_command
from colocate.inference.backends.registry import worker_request
from colocate.inference.networks.network import Network
from colocate.model.device import USUAL, Workers
from colocate.model.request import Inference
from colocate.model.trial import Step


def steps(inference: Inference, network: Network, workers: Workers = USUAL) -> tuple[Step, ...]:
    """Return the steps of `network` in the runtime `inference.backend`, which must be able to profile.

    `workers` chooses the Python and the device. Raises HostError with the runtime's message if profiling fails.
    """
    request = worker_request(inference, network.file, device=workers.device)
    command = worker_command(inference.backend, workers.python, "colocate.worker.profile", request.to_json())
    child = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if child.returncode:
        lines = child.stderr.strip().splitlines() or [f"it ended with status {child.returncode} and no word"]
        raise HostError(f"{inference.backend} cannot profile {network.name}: {lines[-1]}")
    return tuple(Step.from_json(step) for step in json.loads(child.stdout))
