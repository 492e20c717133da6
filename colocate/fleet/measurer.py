"""The process of a board that measures: trials need a main thread for signals, and no Dask threads beside it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Collection
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from colocate.errors import HostError, Interrupted
from colocate.host.processes.signals import interruptible
from colocate.parent import end_with_parent

_T = TypeVar("_T")
# A child that is told to end restores the machine first.
_RESTORING_S = 60.0


class Measurer:
    """Runs one call at a time in a process on `cpus`, which starts when it is needed, and again if it died."""

    def __init__(self, cpus: Collection[int]) -> None:
        self._cpus = tuple(cpus)
        self._child: tuple[multiprocessing.process.BaseProcess, Connection] | None = None

    def call(self, function: Callable[..., _T], *arguments: Any, limit_s: float) -> _T:
        """Call `function` in the process, and return its result.

        Raises what `function` raises, and HostError if the process dies or takes longer than `limit_s` seconds. Then
        the process is ended, and the machine's settings are restored.
        """
        process, pipe = self._child = self._child or self._started()
        try:
            pipe.send((function, arguments))
            if not pipe.poll(limit_s):
                self.end()
                raise HostError(f"a block took longer than {limit_s:.0f} s and was ended")
            worked, answer = pipe.recv()
        except (EOFError, OSError):
            process.join(_RESTORING_S)
            self._child = None
            raise HostError(f"the measuring process died (exit status {process.exitcode})") from None
        if not worked:
            raise answer
        result: _T = answer
        return result

    def end(self) -> None:
        """End the process and what it runs."""
        if self._child is None:
            return
        (process, pipe), self._child = self._child, None
        process.terminate()
        process.join(_RESTORING_S)
        if process.is_alive():
            # Its watchdog restores the machine.
            process.kill()
            process.join()
        pipe.close()

    def _started(self) -> tuple[multiprocessing.process.BaseProcess, Connection]:
        # A fork would take over locks that a thread of Dask holds.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self._cpus, os.getpid()), name="colocate-measurer")
        process.start()
        theirs.close()
        return process, ours


def _serve(pipe: Connection, cpus: Collection[int], parent: int) -> None:
    """Answer calls until the parent is gone."""
    end_with_parent(signal.SIGTERM)
    # The parent may be on the housekeeping CPU, and a child inherits that.
    os.sched_setaffinity(0, cpus)
    try:
        with interruptible():
            while os.getppid() == parent:
                function, arguments = pipe.recv()
                try:
                    answer = True, function(*arguments)
                except Exception as error:  # noqa: BLE001 - the caller decides
                    answer = False, error
                pipe.send(answer)
    except Interrupted as interruption:
        # Ends at once, because exit handlers may wait for the parent.
        os._exit(interruption.exit_code)
    except (EOFError, OSError):
        with contextlib.suppress(OSError):
            pipe.close()
