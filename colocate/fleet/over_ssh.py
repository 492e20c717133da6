"""Start a scheduler and a board on each of several hosts with the program `ssh`. They end with this process."""

from __future__ import annotations

import contextlib
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from colocate.errors import HostError, SpecError
from colocate.fleet.access import Certificates

# Asks the user nothing, and notices within a minute that a host is gone.
_SSH = (
    "ssh", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=30", "-o", "ServerAliveInterval=15",
    "-o", "ServerAliveCountMax=4",
)  # fmt: skip
# `cat` reads until the connection is gone, in whichever way. Then the program is told to end. In the background a
# shell would give it an empty input, hence the third descriptor.
_WITH_CONNECTION = 'exec 3<&0; (cat <&3; kill $$) >/dev/null 2>&1 & exec "$@" 3<&- </dev/null'
_LOOK_AGAIN_S = 0.05
_END_S = 60.0


@contextlib.contextmanager
def over_ssh(
    hosts: Path, certificates: Certificates, settings: Mapping[str, Any], says: Callable[[str], None]
) -> Iterator[str]:
    """Start a scheduler with Dask's `settings` on the first of the hosts and a board on each; give its address.

    The file `hosts` has one host a line, as `ssh` takes it; a line is also the name of the board. `says` is called
    with a line for each host that has no board. Raises SpecError for a file that is no such list, HostError if the
    scheduler or all boards do not start.
    """
    names = _names(hosts)
    encrypted = ("--protocol", "tls") if certificates.given else ()
    dask = (sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard", *encrypted)
    board = (sys.executable, "-m", "colocate", "board")
    tls = certificates.flags() or ("--insecure",)
    with contextlib.ExitStack() as stack:
        command = ("env", *_environment(settings), *dask, *certificates.flags())
        scheduler = stack.enter_context(_started({names[0]: command}))[names[0]]
        if (found := scheduler.says(r"Scheduler at:\s+(\S+)")) is None:
            raise HostError(f"--fleet ssh: cannot start a scheduler on {names[0]}: {scheduler.last_line()}")
        address = found[1]
        boards = stack.enter_context(
            _started({name: (*board, address, "--name", name, "--once", *tls) for name in names})
        )
        serving = 0
        for name, started in boards.items():
            if started.says(rf"Board {re.escape(name)} serves") is None:
                says(f"Host {name} has no board: {started.last_line()}.")
            else:
                serving += 1
        if not serving:
            raise HostError(f"--fleet ssh:{hosts}: no host has a board")
        yield address


def _names(hosts: Path) -> list[str]:
    try:
        lines = [line.strip() for line in hosts.read_text().splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"--fleet ssh:{hosts}: cannot read the list of hosts: {error}") from error
    names = [line for line in lines if line and not line.startswith("#")]
    if not names or len({*names}) < len(names):
        raise SpecError(f"--fleet ssh:{hosts}: give a host a line, each once")
    return names


def _environment(settings: Mapping[str, Any]) -> list[str]:
    """Return Dask's settings as assignments: `a.b-c` is DASK_A__B_C."""
    return [f"DASK_{key.upper().replace('.', '__').replace('-', '_')}={value}" for key, value in settings.items()]


class _Remote:
    """A program on a host, for as long as the connection."""

    def __init__(self, host: str, command: Sequence[str]) -> None:
        # Opened to append, so that reading does not move the place where ssh writes.
        self._log = tempfile.TemporaryFile("a+b")  # noqa: SIM115 - `wait` closes it
        remote = shlex.join(["sh", "-c", _WITH_CONNECTION, "sh", *command])
        try:
            self._ssh = subprocess.Popen(
                [*_SSH, "--", host, remote], stdin=subprocess.PIPE, stdout=self._log, stderr=self._log,
                start_new_session=True,
            )  # fmt: skip
        except FileNotFoundError as error:
            raise HostError("--fleet ssh: needs the program ssh; install an OpenSSH client") from error

    def says(self, pattern: str) -> re.Match[str] | None:
        """Wait until its output has `pattern`, and return the match; None if it ends before."""
        # No time limit, because a busy machine may be slow.
        while True:
            over = self._ssh.poll() is not None
            if found := re.search(pattern, self._output()):
                return found
            if over:
                return None
            time.sleep(_LOOK_AGAIN_S)

    def last_line(self) -> str:
        """The last line of its output: why it ended."""
        lines = self._output().strip().splitlines()
        return lines[-1].strip().rstrip(".") if lines else f"ssh ended with exit status {self._ssh.returncode}"

    def hang_up(self) -> None:
        """Close the connection's input, which ends the program."""
        assert self._ssh.stdin is not None
        self._ssh.stdin.close()

    def wait(self) -> None:
        """Wait until the program has ended, but not for ever: it may be out of reach."""
        try:
            self._ssh.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._ssh.kill()
            self._ssh.wait()
        self._log.close()

    def _output(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")


@contextlib.contextmanager
def _started(commands: Mapping[str, Sequence[str]]) -> Iterator[Mapping[str, _Remote]]:
    """Start each command on its host, all at once, and end them all afterwards."""
    started: dict[str, _Remote] = {}
    try:
        for host, command in commands.items():
            started[host] = _Remote(host, command)
        yield started
    finally:
        for remote in started.values():
            remote.hang_up()
        for remote in started.values():
            remote.wait()
