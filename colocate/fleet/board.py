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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dask
from distributed import Security, Worker, get_worker

from colocate.fleet import block
from colocate.fleet.access import why_none
from colocate.fleet.block import BoardLook, Ended, Setup
from colocate.fleet.measurer import Measurer
from colocate.host.processes.signals import undisguised
from colocate.model.provenance import Provenance
from colocate.model.trial import Trial
from colocate.study.plan import estimate_s

RESOURCE = "board"
# The attribute of a Dask worker.
_OWN = "colocate_own"
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


@dataclass(frozen=True, slots=True)
class Own:
    """What a board has in place of the study's: `constants` of one that is a model and is to be another than its
    fellows; the `device` that networks run on where it is a part of a server.
    """

    constants: Mapping[str, float] = field(default_factory=dict)
    device: str | None = None

    def over(self, setup: Setup) -> Setup:
        """The setup of a study on this board."""
        if not setup.measures:
            return dataclasses.replace(setup, model=(*setup.model, *self.constants.items()))
        workers = dataclasses.replace(setup.workers, device=self.device or setup.workers.device)
        return dataclasses.replace(setup, workers=workers)


def look(setup: Setup, trials: Sequence[Trial]) -> BoardLook:
    """See `block.look`."""
    if not setup.measures:
        return block.look(_here(setup), trials)
    return _measurer().call(block.look, _here(setup), trials, limit_s=_LOOK_LIMIT_S)


def provenance(setup: Setup) -> Provenance | None:
    """See `block.provenance`; a machine has none."""
    return None if setup.measures else block.provenance(_here(setup))


def run_block(setup: Setup, trials: Sequence[Trial]) -> Ended:
    """See `block.run_block`; meanwhile this process is on the housekeeping CPU."""
    if not setup.measures:
        return block.run_block(_here(setup), trials)
    _move_to(block.on_own_cpus(setup, trials[:1], sorted(_ALLOWED))[0].placement.housekeeping_cpus)
    return _measurer().call(
        block.run_block, _here(setup), trials, limit_s=_LIMIT_S + _LIMIT_RATIO * estimate_s(tuple(trials))
    )


@functools.cache
def _measurer() -> Measurer:
    """The measurer of this process: one, as a board has one slot."""
    return Measurer(_ALLOWED)


_ALLOWED = os.sched_getaffinity(0)


def _here(setup: Setup) -> Setup:
    """`setup` on the board whose task this is; a worker that `worker` did not make has nothing of its own."""
    own: Own = getattr(get_worker(), _OWN, Own())
    return own.over(setup)


def _move_to(cpus: Sequence[int]) -> None:
    """Every thread of this process on `cpus`."""
    for thread in Path("/proc/self/task").iterdir():
        # It may have ended since.
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread.name), cpus)


def worker(address: str, *, name: str | None = None, own: Own | None = None, **more: Any) -> Worker:
    """A Dask worker that is a board, under the name of its machine unless it has another. Dask's SSHCluster calls it
    on each host.
    """
    dask.config.set(QUIET)
    made = Worker(
        address, nthreads=1, name=name or socket.gethostname(), resources={RESOURCE: 1}, memory_limit=0,
        dashboard=False, **more,
    )  # fmt: skip
    setattr(made, _OWN, own or Own())
    return made


def serve(
    address: str,
    name: str,
    security: Security,
    says: Callable[[str], None],
    *,
    own: Own | None = None,
    once: bool = False,
) -> None:
    """Run blocks for whoever asks the scheduler at `address`, until a signal; a scheduler that went away is waited
    for, or with `once` ends it.
    """
    hush()
    said = ""
    try:
        while True:
            try:
                # Dask makes errors of its own of a signal.
                with undisguised():
                    asyncio.run(_served(address, name, security, says, own))
                ended = f"The scheduler at {address} is gone"
            except (OSError, ValueError, TimeoutError, RuntimeError, MemoryError) as error:
                ended = f"The scheduler at {address} does not take this board: {why_none(error)}"
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


async def _served(address: str, name: str, security: Security, says: Callable[[str], None], own: Own | None) -> None:
    with tempfile.TemporaryDirectory(prefix="colocate-board-") as scratch:
        async with worker(address, name=name, own=own, security=security, local_directory=scratch) as serving:
            says(f"Board {name} serves {address}.")
            await serving.finished()
