"""Parse the arguments, run one command, and return its exit code. Handles signals, closed pipes and errors."""

from __future__ import annotations

import atexit
import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator, Sequence
from typing import NoReturn

from colocate.commands import find_commands
from colocate.commands.output import say_error
from colocate.commands.parsing import CommandParser
from colocate.errors import ColocateError, HostError, Interrupted, StoreError, notes_of
from colocate.host.processes.signals import interruptible, undisguised
from colocate.version import __version__

_DESCRIPTION = """\
Which background tasks may use the CPU beside a network, at which clocks, without
breaking the latency limit or the power budget - and how sure are we?"""
_EPILOG = """\
colocate COMMAND --help lists the flags of a command, docs/reference.md all of them.

exit codes: 0 done, 2 bad request, 3 the machine cannot do it, 4 the run on disk
cannot be read or written, 5 a setting of the machine was refused, 6 settings could
not be restored, 130, 143 and 129 interrupted; of advise and compare: 10 the answer
is no; of advise: 11 the answer is not known yet"""


def parser() -> CommandParser:
    """Return the parser of all commands. It stores a command's function as `run` and its name as `command`."""
    whole = CommandParser(prog="colocate", description=_DESCRIPTION, epilog=_EPILOG)
    whole.add_argument("--version", action="version", version=f"colocate {__version__}")
    commands = whole.add_subparsers(required=True, title="commands", metavar="COMMAND", dest="command")
    for name, module in find_commands().items():
        own = commands.add_parser(name, help=module.SUMMARY, description=module.DESCRIPTION)
        own.set_defaults(run=module.run)
        module.add_arguments(own)
    for each in (whole, *commands.choices.values()):
        each.commands = commands.choices
    return whole


def run(argv: Sequence[str]) -> int:
    """Run one command and return its exit code. A foreseeable failure is one line on stderr, and one per detail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a letter of somebody's file name is no reason to stop.
            stream.reconfigure(errors="backslashreplace")
    try:
        return _code(argv)
    except ColocateError as error:
        say_error(str(error), error.details)
        return error.exit_code
    except Interrupted as interruption:
        return interruption.exit_code
    except BrokenPipeError:
        # The reader of our output went away (`colocate ... | head`). The interpreter must not flush to it on exit
        # either.
        _drop(1)
        return 0
    except (MemoryError, ImportError) as error:
        # When memory is short, a library fails to load with an ImportError, and only the message says why.
        if isinstance(error, ImportError) and "failed to map segment" not in str(error):
            raise
        say_error("there is not enough memory: end other programs, or raise the limit (ulimit -v, or of a container)")
        return HostError.exit_code
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
        # This fails where nobody reads the progress any more.
        if sys.stderr is not None:
            try:
                sys.stderr.flush()
            except OSError:
                _drop(2)


def _code(argv: Sequence[str]) -> int:
    """Run the command and return its exit code, or that of argparse if it only printed help or the version."""
    try:
        arguments = parser().parse_args(argv or ["--help"])
        with interruptible(), undisguised(), _notes_said():
            code: int = arguments.run(arguments)
            _flush()
            return code
    except SystemExit as ending:
        _flush()
        return int(ending.code or 0)


def _flush() -> None:
    """Flush stdout now, while a failure to write is still reported."""
    if sys.stdout is not None:
        sys.stdout.flush()


def end_at_once(exit_code: int) -> NoReturn:
    """End this process after a signal: run exit handlers and flush the output, but do not tear down modules.

    To tear down numpy, onnx and matplotlib takes a second on a busy machine.
    """
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.flush()
    os._exit(exit_code)


@contextlib.contextmanager
def _notes_said() -> Iterator[None]:
    """Context in which an error also prints its notes, one line each: what else failed while it was handled."""
    try:
        yield
    except (ColocateError, Interrupted, OSError) as error:
        for note in notes_of(error):
            say_error(note)
        raise


def _drop(descriptor: int) -> None:
    """Redirect `descriptor` to /dev/null: otherwise the interpreter fails when it flushes the rest at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
