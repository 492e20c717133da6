"""A real OpenSSH server on this machine, which stands for several hosts."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

_SERVER = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/id.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
"""
_CLIENT = """
Host left right stranger
  Port {port}
  IdentityFile {folder}/id
Host left right
  UserKnownHostsFile {folder}/known_hosts
Host stranger
  UserKnownHostsFile /dev/null
Host closed
  Port {closed}
Host left right stranger closed
  HostName 127.0.0.1
  User {user}
"""


@contextlib.contextmanager
def ssh_server(folder: Path) -> Iterator[Path]:
    """Give the folder of an `ssh` that knows the hosts `left` and `right`, which are this machine, `stranger`, whose
    key it does not know, and `closed`, where nobody answers.
    """
    server, ssh = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin"), shutil.which("ssh")
    if server is None or ssh is None:
        pytest.skip("needs ssh and sshd: apt-get install openssh-client openssh-server")
    if os.getuid() == 0 and not Path("/run/sshd").exists():
        pytest.skip("sshd wants the folder /run/sshd: mkdir /run/sshd")
    for key in ("host", "id"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
    port, closed = _free_ports()
    for name, text in (("server", _SERVER), ("client", _CLIENT)):
        filled = text.format(folder=folder, port=port, closed=closed, user=getpass.getuser())
        (folder / name).write_text(filled)
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}")
    shim = folder / "bin/ssh"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec {ssh} -F {folder}/client "$@"\n')
    shim.chmod(0o700)
    with (folder / "log").open("w") as log, subprocess.Popen(
        [server, "-D", "-e", "-f", folder / "server"], stdin=subprocess.DEVNULL, stdout=log, stderr=log
    ) as process:  # fmt: skip
        try:
            while process.poll() is None and "Server listening" not in (folder / "log").read_text():
                time.sleep(0.01)
            login = subprocess.run([shim, "left", "true"], stdin=subprocess.DEVNULL, capture_output=True)
            if login.returncode:
                pytest.skip(f"nobody can log in here by ssh: {(folder / 'log').read_text()}")
            yield shim.parent
        finally:
            process.terminate()


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return int(one.getsockname()[1]), int(other.getsockname()[1])
