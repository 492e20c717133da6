"""`colocate board`: let this machine run blocks of a study that several machines share."""

from __future__ import annotations

import argparse
import socket

from colocate.commands.common_arguments import Entry, add_needs, number
from colocate.commands.fleet_flags import TLS_NEEDS, add_access_flags, certificates_of, warn_if_insecure
from colocate.commands.output import say
from colocate.errors import SpecError
from colocate.model.device import parse_device

SUMMARY = "let this machine take part in a study that a fleet shares"
DESCRIPTION = """\
Connects this machine to a Dask scheduler and runs blocks of a study here, one at a time, until you stop it. After
each block the machine is as it was. The study is started elsewhere, with `colocate sweep --fleet ADDRESS`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the scheduler, the name of this board, and what this board does differently from others."""
    parser.add_argument("address", metavar="ADDRESS", help="of the scheduler: tls://HOST:PORT or tcp://HOST:PORT")
    parser.add_argument("--name", metavar="NAME", help="of this board in tables (default: its host name)")
    parser.add_argument(
        "--model",
        action=Entry,
        default={},
        metavar="CONSTANT=VALUE",
        help="set a constant of the model for this board, as in contention=1.2; only for studies with "
        "--rig tx1-model; repeatable",
    )
    parser.add_argument(
        "--device",
        metavar="DEVICE",
        help="device of this board, such as cuda:1, where one server acts as several boards "
        "(default: as the study says)",
    )
    parser.add_argument(
        "--once", action="store_true", help="exit with the scheduler, instead of waiting for the next one"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress")
    add_access_flags(parser.add_argument_group("fleet"))
    add_needs(parser, TLS_NEEDS)


def run(arguments: argparse.Namespace) -> int:
    """Run blocks for the scheduler until a signal arrives."""
    certificates = certificates_of(arguments)
    from colocate.fleet.access import checked_address, security_for
    from colocate.fleet.board import Own, serve
    from colocate.rigs.tx1.constants import assuming

    name = arguments.name or socket.gethostname()
    if not name.isprintable() or not name.strip():
        raise SpecError(f"--name: {name!r} names no board")
    try:
        constants = {constant: number(value) for constant, value in arguments.model.items()}
    except argparse.ArgumentTypeError as error:
        raise SpecError(f"--model: {error}") from error
    assuming(constants)
    device = None if arguments.device is None else parse_device(arguments.device)
    address = checked_address(arguments.address)
    security = security_for(address, certificates, insecure=arguments.insecure)
    warn_if_insecure(arguments)
    says = (lambda line: None) if arguments.quiet else say
    serve(address, name, security, says, own=Own(constants, device), once=arguments.once)
    return 0
