"""The steps that a runtime makes of one network: `python -m colocate.inference.profile JSON`.

In a process of its own, because a runtime keeps memory and, on a GPU, a context until the end. What matters are the
names; a time that counts is taken by a worker under the clocks and on the CPUs of its window.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from typing import cast

from colocate.errors import ColocateError, HostError
from colocate.inference import BACKENDS, Profiler
from colocate.inference.networks import Network
from colocate.study.model import Inference, Step

_INFERENCES = 2


def steps(inference: Inference, network: Network) -> tuple[Step, ...]:
    """The steps of `network` in the runtime `inference.backend`, which profiles.

    Raises HostError with what the runtime says where it refuses.
    """
    request = json.dumps({"inference": dataclasses.asdict(inference), "network": network.to_json()})
    command = [sys.executable, "-m", "colocate.inference.profile", request]
    child = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if child.returncode:
        lines = child.stderr.strip().splitlines() or [f"it ended with status {child.returncode} and no word"]
        raise HostError(f"{inference.backend} cannot profile {network.name}: {lines[-1]}")
    return tuple(Step(**step) for step in json.loads(child.stdout))


def main(request: str) -> None:
    """Print the steps as a JSON list."""
    # Standard output is for the answer alone, whatever a library prints to it.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    fields = json.loads(request)
    inference, network = Inference(**fields["inference"]), Network.from_json(fields["network"])
    try:
        backend = cast(Profiler, BACKENDS[inference.backend].load()(inference, network))
        found = backend.profile(_INFERENCES)
    except ColocateError as error:
        sys.exit(str(error))
    out.write(json.dumps([dataclasses.asdict(step) for step in found]))
    out.close()


if __name__ == "__main__":
    main(sys.argv[1])
