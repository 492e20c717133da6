"""A board is a Dask worker that runs one call at a time. This file has the board and the functions that it runs.

A study needs Dask workers with the resource `board` and one thread. `worker` makes one that also does hardly any
background work during a window.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import logging
import os
import signal
import tempfile
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import dask
from distributed import Security, Worker, get_worker

from colocate.fleet import block
from colocate.fleet.access import greeted, why_none
from colocate.fleet.block import BoardLook, Ended, Setup
from colocate.fleet.measurer import Measurer
from colocate.host.processes.signals import STOPPING
from colocate.model.provenance import Provenance
from colocate.model.trial import Trial
from colocate.study.plan import estimate_s

RESOURCE = "board"
# The attribute of a Dask worker.
_OWN = "colocate_own"
# Switches off what Dask would run inside a window and nobody needs here: samples of stacks 100 times a second, checks
# of the event loop 50 times, of memory 10 times, of the system twice, and queries of the GPU.
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
# For a scheduler that colocate starts: a board that is silent for so long is gone, and its block runs elsewhere.
SILENCE_S = 60
_AGAIN_S = 2.0
# How long what serves a scheduler may take to end once it is cancelled.
_CLOSE_S = 10.0
# The longest time of a block: a constant, and a multiple of the estimate. Then its process is ended.
_LIMIT_S, _LIMIT_RATIO = 900.0, 10.0
_LOOK_LIMIT_S = 900.0


@dataclass(frozen=True, slots=True)
class Own:
    """What a board has in place of the study's settings.

    `constants` are for a model that is to differ from other boards. `device` is what networks run on if the board is
    a part of a server.
    """

    constants: Mapping[str, float] = field(default_factory=dict)
    device: str | None = None

    def over(self, setup: Setup) -> Setup:
        """Return the setup of a study with this board's own settings."""
        if not setup.measures:
            return dataclasses.replace(setup, model=(*setup.model, *self.constants.items()))
        workers = dataclasses.replace(setup.workers, device=self.device or setup.workers.device)
        return dataclasses.replace(setup, workers=workers)


def look(setup: Setup, trials: Sequence[Trial]) -> BoardLook:
    """See `block.look`. On a machine the measuring process does it."""
    if not setup.measures:
        return block.look(_here(setup), trials)
    return _measurer().call(block.look, _here(setup), trials, limit_s=_LOOK_LIMIT_S)


def provenance(setup: Setup) -> Provenance | None:
    """See `block.provenance`; None for a machine."""
    return None if setup.measures else block.provenance(_here(setup))


def run_block(setup: Setup, trials: Sequence[Trial]) -> Ended:
    """See `block.run_block`. Meanwhile, the threads of this process run on the housekeeping CPU."""
    if not setup.measures:
        return block.run_block(_here(setup), trials)
    _move_to(block.on_own_cpus(setup, trials[:1], sorted(_ALLOWED))[0].placement.housekeeping_cpus)
    return _measurer().call(
        block.run_block, _here(setup), trials, limit_s=_LIMIT_S + _LIMIT_RATIO * estimate_s(tuple(trials))
    )


@functools.cache
def _measurer() -> Measurer:
    """Return the one measuring process of this board."""
    return Measurer(_ALLOWED)


_ALLOWED = os.sched_getaffinity(0)


def _here(setup: Setup) -> Setup:
    """Return `setup` with the own settings of the board that runs this, if `worker` made it."""
    own: Own = getattr(get_worker(), _OWN, Own())
    return own.over(setup)


def _move_to(cpus: Sequence[int]) -> None:
    """Move every thread of this process to `cpus`."""
    for thread in Path("/proc/self/task").iterdir():
        # It may have ended since.
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread.name), cpus)


def worker(address: str, *, name: str, own: Own | None = None, **more: Any) -> Worker:
    """Return a Dask worker that is a board."""
    dask.config.set(QUIET)
    made = Worker(
        address, nthreads=1, name=name, resources={RESOURCE: 1}, memory_limit=0,
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
    """Run blocks for the scheduler at `address` until a signal; if the scheduler goes away, wait, or end if `once`.

    `says` is called with each message for the user.
    """
    hush()
    said = ""
    try:
        while True:
            try:
                _run(_served(address, name, security, says, own))
                ended = f"The scheduler at {address} is gone"
            except (OSError, ValueError, asyncio.TimeoutError, RuntimeError, MemoryError) as error:
                ended = f"The scheduler at {address} does not take this board: {why_none(error)}"
            if once:
                says(f"{ended}.")
                return
            if ended != said:
                says(f"{ended}; trying again every {_AGAIN_S:g} s.")
            said = ended
            _pause()
    finally:
        _measurer().end()


def _run(main: Coroutine[Any, Any, None]) -> None:
    """Do what `asyncio.run` does, but let a stopping signal cancel `main`, and send it again afterwards.

    An exception that a signal raises in some task of Dask's may leave another task waiting for it, for ever.
    """
    loop, came = asyncio.new_event_loop(), list[int]()
    first = loop.create_task(main)

    def stop(signum: int, _frame: FrameType | None) -> None:
        # A later one must not cut short how Dask's worker closes.
        if not came:
            loop.call_soon_threadsafe(first.cancel)
        came.append(signum)

    heard = [signum for signum in STOPPING if signal.getsignal(signum) is not signal.SIG_IGN]
    former = {signum: signal.signal(signum, stop) for signum in heard}
    try:
        loop.run_until_complete(first)
    except asyncio.CancelledError:
        if not came:
            raise
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left, timeout=_CLOSE_S))
        for signum, handler in former.items():
            signal.signal(signum, handler)
        loop.close()
    if came:
        signal.raise_signal(came[0])


def hush() -> None:
    """Silence Dask's own messages, such as one for each closed connection: colocate reports what matters."""
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _pause() -> None:
    asyncio.run(asyncio.sleep(_AGAIN_S))


async def _served(address: str, name: str, security: Security, says: Callable[[str], None], own: Own | None) -> None:
    await greeted(address, security, "worker")
    with tempfile.TemporaryDirectory(prefix="colocate-board-") as scratch:
        serving = await worker(address, name=name, own=own, security=security, local_directory=scratch)
        try:
            says(f"Board {name} serves {address}.")
            await serving.finished()
        finally:
            # Without waiting for its block, which is run again, here or elsewhere.
            await serving.close(executor_wait=False)
