"""Connect to what `--fleet` names: a scheduler that runs, or a new one with boards over ssh or on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dask
from distributed import Client, LocalCluster, Security, SSHCluster, comm

from colocate.errors import HostError, SpecError
from colocate.fleet.access import Certificates, checked_address, secured, security_for, why_none
from colocate.fleet.board import QUIET, SILENCE_S, hush

_CONNECT_S = 30
_LOOK_AGAIN_S = 0.05
_MOST_LOCAL = 1000
# For a scheduler that colocate starts; the user's own scheduler has settings of its own (docs/fleet.md).
_SCHEDULER: Mapping[str, Any] = {
    "distributed.scheduler.worker-ttl": f"{SILENCE_S}s",
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.active-memory-manager.start": False,
}


@contextlib.contextmanager
def connected(where: str, certificates: Certificates, *, insecure: bool) -> Iterator[Client]:
    """Give a Dask client of the fleet that `where` names.

    Raises SpecError if `where` names none, HostError if no scheduler answers.
    """
    hush()
    kind, _, rest = where.partition(":")
    with dask.config.set({**QUIET, **_SCHEDULER}), contextlib.ExitStack() as stack:
        if kind == "local":
            if certificates.given:
                raise SpecError(f"--fleet {where}: its boards are on this machine, and certificates are for tls://")
            address, security = stack.enter_context(_local(_count(rest))), None
        elif kind == "ssh":
            address, security = stack.enter_context(_over_ssh(Path(rest), certificates, insecure=insecure))
        else:
            address = checked_address(where)
            security = security_for(address, certificates, insecure=insecure)
        try:
            asyncio.run(_greeted(address, security))
            client = Client(address, security=security, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, ValueError, MemoryError, asyncio.TimeoutError) as error:
            raise HostError(f"no scheduler answers at {where}: {why_none(error)}; start it") from error
        yield stack.enter_context(client)


async def _greeted(address: str, security: Security | None) -> None:
    """Connect and disconnect. Dask's client would wait for ever for a server that accepts and never answers."""
    more = {} if security is None else security.get_connection_args("client")
    greeting = await asyncio.wait_for(comm.connect(address, timeout=_CONNECT_S, **more), _CONNECT_S)
    await greeting.close()


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


@contextlib.contextmanager
def _over_ssh(hosts: Path, certificates: Certificates, *, insecure: bool) -> Iterator[tuple[str, Any]]:
    """Start a scheduler on the first host and a board on each, with Dask's SSHCluster; give the address and security.

    The file `hosts` has one host a line.
    """
    try:
        lines = [line.strip() for line in hosts.read_text().splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"--fleet ssh:{hosts}: cannot read the list of hosts: {error}") from error
    names = [line for line in lines if line and not line.startswith("#")]
    if not names or len({*names}) < len(names):
        raise SpecError(f"--fleet ssh:{hosts}: give a host a line, each once")
    if not certificates.given and not insecure:
        raise SpecError(
            "--fleet ssh: starts boards by ssh and then speaks to them by itself: give --tls-ca-file, --tls-cert and "
            "--tls-key, which lie at the same place on every host, or say --insecure on a network of your own"
        )
    security = secured(certificates) if certificates.given else None
    # Every process that Dask starts there inherits these settings.
    tls = {} if security is None else _settings(certificates)
    scheduler = {"port": 0, **({} if security is None else {"protocol": "tls://"})}
    try:
        with dask.config.set(tls), SSHCluster(
            [names[0], *names], worker_class="colocate.fleet.board.worker", scheduler_options=scheduler,
            security=security, silence_logs=50,
        ) as cluster:  # fmt: skip
            yield str(cluster.scheduler_address), security
    except ImportError as error:
        raise HostError("--fleet ssh: needs the package asyncssh: pip install asyncssh") from error


def _settings(certificates: Certificates) -> dict[str, Any]:
    of_roles = {
        f"distributed.comm.tls.{role}.{part}": getattr(certificates, part)
        for role in ("scheduler", "worker", "client")
        for part in ("cert", "key")
    }
    ca_file = {"distributed.comm.tls.ca-file": certificates.ca_file}
    return {"distributed.comm.require-encryption": True, **ca_file, **of_roles}
