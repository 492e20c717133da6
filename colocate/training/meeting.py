"""Where the ranks of a training meet: a port of this machine that rank 0 opens."""

from __future__ import annotations

from typing import Any

from torch import distributed

from colocate.training.trainer import PATIENCE
from colocate.worker.request import Request

_HERE = "127.0.0.1"


def opened(request: Request) -> Any:
    """The meeting place of rank 0; its `port` is for the others."""
    assert request.training is not None
    return distributed.TCPStore(
        _HERE, 0, request.training.ranks, is_master=True, timeout=PATIENCE, wait_for_workers=False
    )


def joined(request: Request, port: int) -> Any:
    """The meeting place at this port, for one of the other ranks."""
    assert request.training is not None
    return distributed.TCPStore(_HERE, port, request.training.ranks, timeout=PATIENCE, wait_for_workers=False)
