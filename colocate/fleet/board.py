"""A board: a Dask worker with one slot, which is quiet while a window runs. Also what Dask calls on it.

Any Dask worker that has the resource `board` and one thread will do; `worker` makes one that is quiet, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import logging
import os
import socket
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import dask
from distributed import Security, Worker

from colocate.errors import ColocateError
from colocate.fleet import block
from colocate.fleet.block import BoardLook, Ended, Setup
from colocate.fleet.measurer import Measurer
from colocate.host.processes.signals import undisguised
from colocate.model.provenance import Provenance
from colocate.model.trial import Trial
from colocate.study.plan import estimate_s

RESOURCE = "board"
# What of Dask would run inside a window and serves no purpose here: samples of stacks 100 times a second, looks at
# the event loop 50 times, at memory 10 times, at the system twice; and a GPU that is being measured is left alone.
QUIET: Mapping[str, Any] = {
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.worker.http.routes": [],
    "distributed.admin.tick.interval": "2s",
    "distributed.admin.tick.cycle": "10s",
    "distributed.admin.system-monitor.interval": "60s",
    "distributed.admin.system-monitor.disk": False,
    "distributed.diagnostics.nvml": False,
}
# Of a scheduler of ours: a board that says nothing for so long is gone, and its block is run elsewhere.
SILENCE_S = 60
_AGAIN_S = 2.0
# A hung block ends after so long, and its process with it.
_LIMIT_S, _LIMIT_RATIO = 900.0, 10.0
_LOOK_LIMIT_S = 900.0


def look(setup: Setup, trials: Sequence[Trial]) -> BoardLook:
    """See `block.look`."""
    if not setup.measures:
        return block.look(_own(setup), trials)
    return _measurer().call(block.look, _own(setup), trials, limit_s=_LOOK_LIMIT_S)


def provenance(setup: Setup) -> Provenance | None:
    """See `block.provenance`; a machine has none."""
    return None if setup.measures else block.provenance(_own(setup))


def run_block(setup: Setup, trials: Sequence[Trial]) -> Ended:
    """See `block.run_block`; meanwhile this process is on the housekeeping CPU."""
    if not setup.measures:
        return block.run_block(_own(setup), trials)
    _move_to(block.on_own_cpus(setup, trials[:1], sorted(_ALLOWED))[0].placement.housekeeping_cpus)
    return _measurer().call(
        block.run_block, _own(setup), trials, limit_s=_LIMIT_S + _LIMIT_RATIO * estimate_s(tuple(trials))
    )


@functools.cache
def _measurer() -> Measurer:
    """Of this process, as a board has one slot."""
    return Measurer(_ALLOWED)


_ALLOWED = os.sched_getaffinity(0)
# Of a board that is a model: constants that make it another than its fellows.
_own_constants: dict[str, float] = {}
# Of a board that is a part of a server: what its networks run on, in place of what the study says.
_own_device: str | None = None


def _own(setup: Setup) -> Setup:
    if not setup.measures:
        return dataclasses.replace(setup, model=(*setup.model, *_own_constants.items()))
    workers = dataclasses.replace(setup.workers, device=_own_device or setup.workers.device)
    return dataclasses.replace(setup, workers=workers)


def _move_to(cpus: Sequence[int]) -> None:
    """Every thread of this process on `cpus`."""
    for thread in Path("/proc/self/task").iterdir():
        # It may have ended since.
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread.name), cpus)


def worker(address: str, *, name: str | None = None, **more: Any) -> Worker:
    """A Dask worker that is a board, under the name of its machine unless it has another. Dask's SSHCluster calls it
    on each host.
    """
    dask.config.set(QUIET)
    return Worker(
        address, nthreads=1, name=name or socket.gethostname(), resources={RESOURCE: 1}, memory_limit=0,
        dashboard=False, **more,
    )  # fmt: skip


def serve(
    address: str,
    name: str,
    security: Security,
    says: Callable[[str], None],
    *,
    constants: Mapping[str, float] | None = None,
    device: str | None = None,
    once: bool = False,
) -> None:
    """Run blocks for whoever asks the scheduler at `address`, until a signal; a scheduler that went away is waited
    for, or with `once` ends it. In place of the study's, `constants` are those of a board that is a model, and
    `device` is what the networks of a real one run on.
    """
    global _own_device
    _own_constants.update(constants or {})
    _own_device = device
    hush()
    said = ""
    try:
        while True:
            try:
                # Dask makes errors of its own of a signal.
                with undisguised():
                    asyncio.run(_served(address, name, security, says))
                ended = f"The scheduler at {address} is gone"
            except (OSError, ValueError, TimeoutError, RuntimeError) as error:
                ended = f"The scheduler at {address} does not take this board: {_short(error)}"
            if once:
                return
            if ended != said:
                says(f"{ended}; trying again every {_AGAIN_S:g} s.")
            said = ended
            _pause()
    finally:
        _measurer().end()


def hush() -> None:
    """Dask's own messages, as of every connection that ends, are no news for a user: what is, is said by colocate."""
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _pause() -> None:
    asyncio.run(asyncio.sleep(_AGAIN_S))


async def _served(address: str, name: str, security: Security, says: Callable[[str], None]) -> None:
    with tempfile.TemporaryDirectory(prefix="colocate-board-") as scratch:
        async with worker(address, name=name, security=security, local_directory=scratch) as serving:
            says(f"Board {name} serves {address}.")
            await serving.finished()


def _short(error: BaseException) -> str:
    words = str(error) or type(error).__name__
    return words if isinstance(error, ColocateError) else words.splitlines()[0]
