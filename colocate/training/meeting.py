"""Where the ranks of a training meet: a port of this machine that rank 0 opens."""

from __future__ import annotations

from typing import Any

from torch import distributed

from colocate.training.trainer import PATIENCE
from colocate.worker.request import Request

_HERE = "127.0.0.1"


def opened(request: Request) -> Any:
    """Open the meeting place as rank 0, and return it as torch's TCPStore; the others need its `port`."""
    assert request.training is not None
    return distributed.TCPStore(
        _HERE, 0, request.training.ranks, is_master=True, timeout=PATIENCE, wait_for_workers=False
    )


def joined(request: Request, port: int) -> Any:
    """Join the meeting place at `port` as one of the other ranks, and return it."""
    assert request.training is not None
    return distributed.TCPStore(_HERE, port, request.training.ranks, timeout=PATIENCE, wait_for_workers=False)
