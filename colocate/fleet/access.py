"""How connections to a scheduler are secured: by TLS to other machines, unless the user allows otherwise."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from distributed import Security, comm

from colocate.errors import ColocateError, SpecError

# The default port of Dask's schedulers.
PORT = 8786
CONNECT_S = 30


@dataclass(frozen=True, slots=True)
class Certificates:
    """Paths of the files for TLS, under Dask's names; all three or none."""

    ca_file: str | None = None
    cert: str | None = None
    key: str | None = None

    @property
    def given(self) -> bool:
        """Whether all three files are given."""
        return None not in (self.ca_file, self.cert, self.key)

    def absolute(self) -> Certificates:
        """Return them with absolute paths, for a program that starts in another folder."""
        return Certificates(*(path and str(Path(path).absolute()) for path in (self.ca_file, self.cert, self.key)))

    def flags(self) -> tuple[str, ...]:
        """Return the flags that give these files to `colocate board` and to Dask's scheduler; () without files."""
        flags = {"--tls-ca-file": self.ca_file, "--tls-cert": self.cert, "--tls-key": self.key}
        return tuple(word for flag, path in flags.items() if path is not None for word in (flag, path))


def checked_address(text: str) -> str:
    """Return `tcp://HOST[:PORT]` or `tls://HOST[:PORT]` with its port. Raises SpecError for anything else."""
    parts = urlsplit(text)
    try:
        port = parts.port or PORT
    except ValueError:
        port = 0
    if parts.scheme not in ("tcp", "tls") or not parts.hostname or not port or parts.path or parts.query:
        raise SpecError(f"{text!r} is no address of a scheduler; give tcp://HOST:{PORT} or tls://HOST:{PORT}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port}"


def security_for(address: str, certificates: Certificates, *, insecure: bool) -> Security:
    """Return Dask's security settings for the scheduler at `address`.

    Raises SpecError for an unencrypted address of another machine unless `insecure` is true, as anyone on the network
    could send it code. Also raises it for certificates that are missing, wrong or of no use there.
    """
    parts = urlsplit(address)
    if parts.scheme == "tls" and not certificates.given:
        raise SpecError(f"{address} speaks TLS: give --tls-ca-file, --tls-cert and --tls-key")
    if parts.scheme == "tcp":
        if certificates.given:
            raise SpecError(f"{address} is in clear, and certificates are for tls://; give one of the two")
        if not insecure and not _on_this_machine(parts.hostname or ""):
            raise SpecError(
                f"{address} is in clear, and a scheduler and its boards run what anyone there sends them: give "
                "tls://, --tls-ca-file, --tls-cert and --tls-key, or say --insecure on a network of your own"
            )
        return Security(require_encryption=False)
    return secured(certificates)


def secured(certificates: Certificates) -> Security:
    """Return TLS settings for client, worker and scheduler. Raises SpecError for a file that cannot be read
    or used.
    """
    for flag, path in (("ca-file", certificates.ca_file), ("cert", certificates.cert), ("key", certificates.key)):
        try:
            with open(str(path), "rb"):  # noqa: PTH123 - to read is the question
                pass
        except OSError as error:
            raise SpecError(f"--tls-{flag}: cannot read {path}: {error.strerror}") from error
    _check_use(certificates)
    own = {
        f"tls_{role}_{part}": getattr(certificates, part)
        for role in ("client", "worker", "scheduler")
        for part in ("cert", "key")
    }
    return Security(require_encryption=True, tls_ca_file=certificates.ca_file, **own)


async def greeted(address: str, security: Security | None, role: str) -> None:
    """Connect to the scheduler at `address` in a `role`, client or worker, and disconnect.

    Dask's client would wait for ever for a server that accepts and never answers, and its worker for one that cannot
    be reached. Raises OSError, ValueError, MemoryError or asyncio.TimeoutError if no scheduler answers.
    """
    more = {} if security is None else security.get_connection_args(role)
    greeting = await asyncio.wait_for(comm.connect(address, timeout=CONNECT_S, **more), CONNECT_S)
    await greeting.close()


def why_none(error: Exception) -> str:
    """Say why no scheduler was reached.

    A MemoryError means that another protocol is spoken there: Dask takes its bytes for one huge message.
    """
    if isinstance(error, MemoryError):
        return "what answers there is no scheduler of Dask"
    words = str(error) or type(error).__name__
    return words if isinstance(error, ColocateError) else words.splitlines()[0]


def _check_use(certificates: Certificates) -> None:
    """Raise SpecError for files that TLS cannot use. Dask's own message would be that no scheduler answers."""
    try:
        context = ssl.create_default_context(cafile=certificates.ca_file)
    except ssl.SSLError as error:
        raise SpecError(f"--tls-ca-file: {certificates.ca_file} holds no certificate: {error.reason}") from error
    try:
        context.load_cert_chain(str(certificates.cert), certificates.key)
    except ssl.SSLError as error:
        files = f"{certificates.cert} and {certificates.key}"
        raise SpecError(f"--tls-cert, --tls-key: {files} are no certificate and its key: {error.reason}") from error


def _on_this_machine(host: str) -> bool:
    """Whether `host` has addresses and all of them are loopback addresses."""
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return bool(found) and all(ipaddress.ip_address(str(each).partition("%")[0]).is_loopback for each in found)
