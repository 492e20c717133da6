"""What this Python has for training: `python -m colocate.training.look` prints it as one JSON object."""

from __future__ import annotations

import sys

from colocate.training.environment import prepare
from colocate.worker.answer import answer
from colocate.worker.errors import WorkerError


def look() -> dict[str, object]:
    """Return the versions of torch, of its CUDA and of NCCL, the names of the GPUs that torch sees, and this Python's
    path.

    A version is None if that part is missing. Raises WorkerError if torch cannot be loaded.
    """
    prepare()
    try:
        # Only now: what torch loads looks at the environment.
        import torch
        from torch import distributed
    except (ImportError, OSError) as error:
        raise WorkerError(f"torch cannot be loaded: {error}") from error
    nccl = distributed.is_available() and distributed.is_nccl_available()
    return {
        "torch": str(torch.__version__),
        "cuda": torch.version.cuda,
        "gpus": [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())],
        "nccl": ".".join(map(str, torch.cuda.nccl.version())) if nccl else None,
        "python": sys.executable,
    }


if __name__ == "__main__":
    answer(look)
