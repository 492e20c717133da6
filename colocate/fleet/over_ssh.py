"""Start a scheduler and a board on each of several hosts with the program `ssh`. They end with this process."""

from __future__ import annotations

import contextlib
import errno
import re
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from colocate.errors import ColocateError, HostError, SpecError
from colocate.fleet.access import Certificates

# Asks the user nothing, and notices within a minute that a host is gone.
_SSH = (
    "ssh", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=30", "-o", "ServerAliveInterval=15",
    "-o", "ServerAliveCountMax=4",
)  # fmt: skip
# `cat` reads until the connection is gone, in whichever way. Then the program is told to end. In the background a
# shell would give it an empty input, hence the third descriptor.
_WITH_CONNECTION = 'exec 3<&0; (cat <&3; kill $$) >/dev/null 2>&1 & exec "$@" 3<&- </dev/null'
_LOOK_AGAIN_S, _START_AGAIN_S = 0.05, 2.0
# How long a host may take to start its program, and when the user is told who is waited for.
_START_S, _TELL_S = 120.0, 10.0
# A board that is told to end restores its machine first.
_END_S = 60.0
_NAME_MAX = 255

Says = Callable[[str], None]


@contextlib.contextmanager
def over_ssh(hosts: Path, certificates: Certificates, settings: Mapping[str, Any], says: Says) -> Iterator[str]:
    """Start a scheduler with Dask's `settings` on the first of the hosts and a board on each; give its address.

    The file `hosts` has one host a line, as `ssh` takes it; a line is also the name of the board. A board that ends
    is started again; `says` is called with a line for it. Raises SpecError for a file that is no such list, HostError
    if the scheduler or all boards do not start.
    """
    names, tls = _names(hosts), certificates.absolute().flags()
    encrypted = ("--protocol", "tls") if tls else ()
    dask = ("-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard", "--dashboard-address", ":0")
    command = ("env", *_environment(settings), sys.executable, *dask, *encrypted, *tls)
    scheduler = _Remote(names[0], command, r"Scheduler at:\s+(\S+)")
    with _started([scheduler]):
        _wait([scheduler], says)
        if (address := scheduler.sign()) is None:
            raise HostError(f"--fleet ssh: cannot start a scheduler on {names[0]}: {scheduler.reason()}")
        board = (sys.executable, "-m", "colocate", "board", address, *(tls or ("--insecure",)), "--once", "--name")
        boards = [_Remote(name, (*board, name), rf"Board ({re.escape(name)}) serves.*") for name in names]
        with _started(boards):
            _wait(boards, says)
            with _Keeper(boards, says):
                if all(each.has_ended() for each in boards):
                    raise HostError(f"--fleet ssh:{hosts}: no host has a board")
                yield address


def _names(hosts: Path) -> list[str]:
    where = f"--fleet ssh:{hosts}"
    try:
        lines = hosts.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise SpecError(f"{where}: cannot read the list of hosts: {why}") from error
    names = [name for line in lines if (name := re.sub(r"(^|\s)#.*", "", line).strip())]
    for number, name in enumerate(names):
        if not name.isprintable() or len(name) > _NAME_MAX:
            raise SpecError(f"{where}: {name[:40]!r} is no name of a host")
        if name in names[:number]:
            raise SpecError(f"{where}: {name} is there twice; give each host once")
    if not names:
        raise SpecError(f"{where}: it names no host; give a host a line")
    return names


def _environment(settings: Mapping[str, Any]) -> list[str]:
    """Return Dask's settings as assignments: `a.b-c` is DASK_A__B_C."""
    return [f"DASK_{key.upper().replace('.', '__').replace('-', '_')}={value}" for key, value in settings.items()]


class _Remote:
    """A program on a host, for as long as the connection. It is up once it prints a line with `pattern`."""

    def __init__(self, host: str, command: Sequence[str], pattern: str) -> None:
        self.host = host
        self._pattern = pattern
        self._remote = shlex.join(["sh", "-c", _WITH_CONNECTION, "sh", *command])
        self._ssh: subprocess.Popen[bytes] | None = None
        # Opened to append, so that reading does not move the place where ssh writes.
        self._log = tempfile.TemporaryFile("a+b")  # noqa: SIM115 - `kill` closes it

    def start(self) -> None:
        """Start it, or start it again. Raises HostError if `ssh` cannot be run."""
        self._log.truncate(0)
        try:
            self._ssh = subprocess.Popen(
                [*_SSH, "--", self.host, self._remote], stdin=subprocess.PIPE, stdout=self._log, stderr=self._log,
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                raise
            raise HostError(
                f"--fleet ssh: cannot run the program ssh: {error.strerror}; install an OpenSSH client"
            ) from error

    def sign(self) -> str | None:
        """The first group of the pattern; None if no line has it so far."""
        found = re.search(self._pattern, self._output())
        return None if found is None else found[1]

    def has_ended(self) -> bool:
        """Whether the program or the connection has ended."""
        return self._ssh is None or self._ssh.poll() is not None

    def reason(self) -> str:
        """Why it has ended, which is the last line of its output; or that it has not started yet."""
        if not self.has_ended():
            return f"nothing came of it in {_START_S:g} s"
        # What it printed while it was up is no reason.
        lines = re.split(self._pattern, self._output())[-1].strip().splitlines()
        if lines:
            return lines[-1].strip().rstrip(".")
        return f"it ended without a word (exit status {self._ssh and self._ssh.returncode})"

    def hang_up(self) -> None:
        """Close the connection's input, which ends the program."""
        if self._ssh is not None and self._ssh.stdin is not None:
            self._ssh.stdin.close()

    def wait(self, until_s: float) -> None:
        """Wait until it has ended, or `until_s` on the monotonic clock."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            if self._ssh is not None:
                self._ssh.wait(max(0.0, until_s - time.monotonic()))

    def kill(self) -> None:
        """End the connection, and forget what was printed."""
        if self._ssh is not None:
            self._ssh.kill()
            self._ssh.wait()
        self._log.close()

    def _output(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")


@contextlib.contextmanager
def _started(remotes: Collection[_Remote]) -> Iterator[None]:
    """Start all of them, and end them all afterwards."""
    try:
        for remote in remotes:
            remote.start()
        yield
    finally:
        try:
            until_s = time.monotonic() + _END_S
            for remote in remotes:
                remote.hang_up()
            for remote in remotes:
                # One that never came up may hang, and has nothing to restore.
                if remote.sign() is not None:
                    remote.wait(until_s)
        finally:
            for remote in remotes:
                remote.kill()


def _wait(remotes: Sequence[_Remote], says: Says) -> None:
    """Wait until each of them is up or has ended, but not for ever."""
    began_s, told = time.monotonic(), False
    while (slow := [each.host for each in remotes if not each.has_ended() and each.sign() is None]) and (
        waited_s := time.monotonic() - began_s
    ) < _START_S:
        if waited_s > _TELL_S and not told:
            says(f"Waiting for {', '.join(slow)}.")
            told = True
        time.sleep(_LOOK_AGAIN_S)


class _Keeper(threading.Thread):
    """Inside, boards that end are started again, at first those that have ended before."""

    def __init__(self, boards: Sequence[_Remote], says: Says) -> None:
        super().__init__(daemon=True)
        self._boards, self._says = boards, says
        self._over = threading.Event()
        self._said: dict[str, str] = {}
        for board in boards:
            if board.has_ended() or board.sign() is None:
                self._tell(board)

    def _tell(self, board: _Remote) -> None:
        """Say why a host has no board, once for each reason."""
        if self._said.get(board.host) != (why := board.reason()):
            self._says(f"Host {board.host} has no board: {why}.")
        self._said[board.host] = why

    def run(self) -> None:
        """Look every few seconds."""
        while not self._over.wait(_START_AGAIN_S):
            for board in self._boards:
                if board.has_ended():
                    self._tell(board)
                    with contextlib.suppress(ColocateError, OSError):
                        board.start()

    def __enter__(self) -> None:
        self.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()
