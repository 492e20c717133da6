"""Arguments -> one command -> exit code: signals, pipes, and errors as one line on stderr."""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from colocate import __version__
from colocate.commands import find_commands
from colocate.commands.output import say_error
from colocate.errors import ColocateError, HostError, Interrupted, SpecError, StoreError, notes_of
from colocate.host.processes.signals import interruptible, undisguised

_DESCRIPTION = """\
Which background tasks may use the CPU beside a network, at which clocks, without
breaking the latency limit or the power budget - and how sure are we?"""


class _Parser(argparse.ArgumentParser):
    """Bad arguments are a SpecError like any other bad request: one line, exit code 2."""

    def error(self, message: str) -> NoReturn:
        raise SpecError(f"{message}; see {self.prog} --help")

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        # Before Python 3.13 a flag's value `--` is dropped, and what is left is an empty list that no type was asked.
        if action.option_strings and action.nargs is None and len(arg_strings) == 1:
            value = self._get_value(action, arg_strings[0])
            self._check_value(action, value)
            return value
        return super()._get_values(action, arg_strings)


def parser() -> argparse.ArgumentParser:
    """Of all commands; what it parses has the command's function in `run`, and its name in `command`."""
    plain = argparse.RawDescriptionHelpFormatter
    whole = _Parser(prog="colocate", description=_DESCRIPTION, formatter_class=plain)
    whole.add_argument("--version", action="version", version=f"colocate {__version__}")
    commands = whole.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for name, module in find_commands().items():
        own = commands.add_parser(name, help=module.SUMMARY, description=module.DESCRIPTION, formatter_class=plain)
        own.set_defaults(run=module.run)
        module.add_arguments(own)
    return whole


def run(argv: Sequence[str]) -> int:
    """Run one command; its exit code. Foreseeable failures are one line on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a letter of somebody's file name is no reason to stop.
            stream.reconfigure(errors="backslashreplace")
    try:
        arguments = parser().parse_args(argv)
        with interruptible(), undisguised(), _notes_said():
            code: int = arguments.run(arguments)
            if sys.stdout is not None:
                sys.stdout.flush()
            return code
    except ColocateError as error:
        say_error(str(error))
        return error.exit_code
    except Interrupted as interruption:
        return interruption.exit_code
    except BrokenPipeError:
        # The reader of our output went away (`colocate ... | head`); nor may the interpreter flush to it on exit.
        _drop(1)
        return 0
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            say_error("too many files are open at once: raise the limit (ulimit -n)")
            return HostError.exit_code
        if error.errno != errno.ENOSPC:
            raise
        _drop(1)
        say_error(f"cannot write the output: {error.strerror}")
        return StoreError.exit_code
    finally:
        # Progress that nobody read.
        if sys.stderr is not None:
            try:
                sys.stderr.flush()
            except OSError:
                _drop(2)


@contextlib.contextmanager
def _notes_said() -> Iterator[None]:
    """What else failed on the way out of a failure or an interruption, one line each."""
    try:
        yield
    except (ColocateError, Interrupted, OSError) as error:
        for note in notes_of(error):
            say_error(note)
        raise


def _drop(descriptor: int) -> None:
    """What is still buffered for it can go nowhere; nor may the interpreter fail on it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
