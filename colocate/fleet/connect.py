"""Connect to what `--fleet` names: a scheduler that runs, or a new one with boards over ssh or on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import dask
from distributed import Client, LocalCluster

from colocate.errors import HostError, SpecError
from colocate.fleet.access import CONNECT_S, Certificates, checked_address, greeted, secured, security_for, why_none
from colocate.fleet.board import QUIET, SILENCE_S, hush
from colocate.fleet.over_ssh import over_ssh

_LOOK_AGAIN_S = 0.05
_MOST_LOCAL = 1000
# For a scheduler that colocate starts; the user's own scheduler has settings of its own (docs/fleet.md).
_SCHEDULER: Mapping[str, Any] = {
    "distributed.scheduler.worker-ttl": f"{SILENCE_S}s",
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.active-memory-manager.start": False,
}


@contextlib.contextmanager
def connected(
    where: str, certificates: Certificates, says: Callable[[str], None], *, insecure: bool
) -> Iterator[Client]:
    """Give a Dask client of the fleet that `where` names. `says` is called with a line for each host without a board.

    Raises SpecError if `where` names none, HostError if no scheduler answers.
    """
    hush()
    kind, _, rest = where.partition(":")
    settings = {**QUIET, **_SCHEDULER}
    with dask.config.set(settings), contextlib.ExitStack() as stack:
        if kind == "local":
            if certificates.given:
                raise SpecError(f"--fleet {where}: its boards are on this machine, and certificates are for tls://")
            address, security = stack.enter_context(_local(_count(rest))), None
        elif kind == "ssh":
            if not certificates.given and not insecure:
                raise SpecError(
                    "--fleet ssh: ssh only starts the boards, and what is said to them afterwards needs TLS: give "
                    "--tls-ca-file, --tls-cert and --tls-key, which lie at the same place on every host, or say "
                    "--insecure on a network of your own"
                )
            security = secured(certificates) if certificates.given else None
            address = stack.enter_context(over_ssh(Path(rest).expanduser(), certificates, settings, says))
        else:
            address = checked_address(where)
            security = security_for(address, certificates, insecure=insecure)
        try:
            asyncio.run(greeted(address, security, "client"))
            client = Client(address, security=security, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError, MemoryError, asyncio.TimeoutError) as error:
            raise HostError(f"no scheduler answers at {where}: {why_none(error)}; start it") from error
        yield stack.enter_context(client)


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_LOCAL:
        raise SpecError(f"--fleet local:{text}: give how many boards, from 1 to {_MOST_LOCAL}, as in local:4")
    return int(text)


@contextlib.contextmanager
def _local(boards: int) -> Iterator[str]:
    """Start a scheduler in this process and `boards` boards beside it, and give its address. They end with it."""
    with LocalCluster(
        n_workers=0, host="127.0.0.1", scheduler_port=0, dashboard_address="127.0.0.1:0",
        silence_logs=50,
    ) as cluster:  # fmt: skip
        address = str(cluster.scheduler_address)
        command = [sys.executable, "-m", "colocate", "board", address, "--once", "--quiet", "--name"]
        with contextlib.ExitStack() as stack:
            started = []
            for number in range(1, boards + 1):
                board = subprocess.Popen([*command, f"local-{number}"], stdin=subprocess.DEVNULL)
                stack.callback(board.wait)
                stack.callback(board.terminate)
                started.append(board)
            # No time limit, because a busy machine may be slow. A board that ends has said why.
            while len(cluster.scheduler.workers) < boards and all(board.poll() is None for board in started):
                time.sleep(_LOOK_AGAIN_S)
            yield address
