"""The flags of a fleet: where its scheduler is, how boards share a study, and how connections are secured."""

from __future__ import annotations

import argparse
import contextlib
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

from colocate.commands.common_arguments import add_needs
from colocate.commands.output import say
from colocate.errors import HostError, SpecError
from colocate.request.needs import Needs, flag_of

if TYPE_CHECKING:
    from colocate.fleet.access import Certificates
    from colocate.request.spec import Study
    from colocate.store.run_file import Header
    from colocate.trial_loop import Site

_TLS = {
    "tls_ca_file": "certificate of the authority that signed all sides",
    "tls_cert": "certificate of this side",
    "tls_key": "private key of that certificate",
}


# Each certificate needs the two others.
TLS_NEEDS: Needs = {dest: [(other,) for other in _TLS if other != dest] for dest in _TLS}
_FLEET_NEEDS: Needs = {
    **dict.fromkeys(("spread", "replicate", "insecure"), (("fleet",),)),
    **{dest: [("fleet",), *others] for dest, others in TLS_NEEDS.items()},
}


def add_access_flags(parser: argparse._ActionsContainer) -> None:
    """Add the flags for TLS, and `--insecure` to go without."""
    for dest, what in _TLS.items():
        parser.add_argument(flag_of(dest), metavar="FILE", help=what)
    parser.add_argument(
        "--insecure",
        action="store_true",
        help="no TLS to other machines: anyone who can reach the scheduler can run programs on every board",
    )


def add_fleet_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that name the boards of a study."""
    group = parser.add_argument_group("fleet")
    group.add_argument(
        "--fleet",
        metavar="WHERE",
        help="boards that run the study: tcp://HOST:PORT or tls://HOST:PORT (a scheduler), ssh:HOSTS.txt, or local:N "
        "(default: this machine runs it)",
    )
    sharing = group.add_mutually_exclusive_group()
    sharing.add_argument(
        "--spread", action="store_true", help="each block on one of the boards, which are alike (default)"
    )
    sharing.add_argument(
        "--replicate", action="store_true", help="every block on every board, to see how they differ"
    )
    add_access_flags(group)
    add_needs(parser, _FLEET_NEEDS)


def fleet_words(arguments: argparse.Namespace) -> str:
    """Return the flags of the fleet as the end of a command line that resumes the run; empty without a fleet."""
    given = vars(arguments)
    if not given.get("fleet"):
        return ""
    values = [
        part
        for dest in ("fleet", *_TLS)
        if given.get(dest)
        for part in (flag_of(dest), shlex.quote(str(given[dest])))
    ]
    return " " + " ".join([*values, *(["--insecure"] if given.get("insecure") else [])])


def certificates_of(arguments: argparse.Namespace) -> Certificates:
    """Return the files that the TLS flags name. Raises HostError if Dask is not installed."""
    try:
        from colocate.fleet.access import Certificates
    except ImportError as error:
        raise HostError(f"a fleet needs the package {error.name}: pip install 'colocate[fleet]'") from error
    return Certificates(arguments.tls_ca_file, arguments.tls_cert, arguments.tls_key)


def warn_if_insecure(arguments: argparse.Namespace) -> None:
    """Print what `--insecure` means, if it is given, and no certificates are."""
    if arguments.insecure and not arguments.tls_cert:
        say("INSECURE: no TLS. Anyone who reaches the scheduler can run programs on every board and on this machine.")


@contextlib.contextmanager
def fleet_of(arguments: argparse.Namespace, study: Study, stored: Header | None) -> Iterator[Site]:
    """Connect to the boards that the flags name, and give them as the site of the study.

    `stored` is the header of the run that is resumed; None for a new run. Raises SpecError for flags that do not fit,
    HostError if no scheduler answers or Dask is not installed.
    """
    certificates = certificates_of(arguments)
    from colocate.fleet.client import Fleet
    from colocate.fleet.connect import connected
    from colocate.model.fleet import Sharing

    if getattr(arguments, "task_output", False):
        raise SpecError("--task-output: with --fleet tasks print on their boards; leave it out")
    warn_if_insecure(arguments)
    if arguments.replicate or arguments.spread or stored is None or stored.sharing is None:
        sharing = Sharing.REPLICATE if arguments.replicate else Sharing.SPREAD
    else:
        sharing = stored.sharing
    with connected(arguments.fleet, certificates, say, insecure=arguments.insecure) as client:
        # A scheduler that colocate starts over ssh has none.
        if client.dashboard_link and not arguments.quiet and not arguments.fleet.startswith("ssh:"):
            say(f"Dashboard: {client.dashboard_link}")
        yield Fleet(client, study.spec, sharing, say, None if stored is None else stored.facts)
