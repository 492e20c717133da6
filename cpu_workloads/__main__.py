"""Run one stressor on one CPU: `python -m cpu_workloads bitcount --seconds 5`."""

from __future__ import annotations

import argparse
import gc
import json
import signal
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from cpu_workloads.command_request import CommandRequest, from_json
from cpu_workloads.contract import Control, serve
from cpu_workloads.counter import Counter
from cpu_workloads.registry import load, names
from cpu_workloads.stressor import Report, StressorError, measure, measure_steps

if TYPE_CHECKING:
    from cpu_workloads.command import Command

COMMAND = "command"
LONGEST_S = 86_400.0
"""A day: more is a typing error, and clocks and kernel timers have a limit."""


def _duration_s(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 < value <= LONGEST_S:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0 and up to {LONGEST_S:.0f}, a day")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def _say(text: str) -> None:
    """Print `text` on stdout at once: an error of a full disk could not be reported at exit."""
    try:
        with open(1, "w", encoding="utf-8", closefd=False) as out:
            out.write(text + "\n")
    except OSError as error:
        raise StressorError(f"cannot write to stdout: {error.strerror}", 1) from error


class _Parser(argparse.ArgumentParser):
    """Reports what is wrong with the request in one line."""

    def error(self, message: str) -> NoReturn:
        raise StressorError(f"{message}; see {self.prog} --help", 2)

    def print_help(self, file: object = None) -> None:
        _say(self.format_help().rstrip())


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m cpu_workloads",
        description="A CPU stressor that counts the work it does.",
        epilog="A program of your own: python -m cpu_workloads command --seconds 5 -- PROGRAM [ARGUMENT ...]",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help=f"{', '.join(names())}, or {COMMAND}")
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--seconds", type=_duration_s, metavar="S", help="work for so long")
    how.add_argument("--iterations", type=_count, metavar="N", help="do exactly N steps")
    how.add_argument("--child", action="store_true", help="obey a measuring process on stdin and stdout")
    how.add_argument("--list", action="store_true", help="print the stressors' names")
    parser.add_argument("--request", metavar="JSON", help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    return parser


def _text(name: str, report: Report, as_json: bool) -> str:
    if as_json:
        return json.dumps({"name": name, **report})
    elapsed_s = (report["end_ns"] - report["begin_ns"]) / 1e9
    return (
        f"{name}: {report['count'] / elapsed_s:.4g} {report['unit']}/s "
        f"({report['count']:.0f} in {elapsed_s:.3f} s, {report['cpu_s']:.3f} s of CPU time)"
    )


def _run(name: str, seconds: float, iterations: int | None) -> Report:
    stressor = load(name)
    gc.disable()
    if iterations is not None:
        report = measure_steps(stressor, iterations)
    else:
        end_ns = time.monotonic_ns() + round(seconds * 1e9)
        report = measure(stressor, lambda: time.monotonic_ns() >= end_ns)
    stressor.verify()
    return report


def _serve(name: str) -> NoReturn:
    stressor, counter = load(name), Counter()
    # The parent decides when to end; a Ctrl-C at its terminal is the parent's to handle.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()
    gc.disable()

    def measure_and_verify(control: Control) -> Report:
        report = measure(stressor, control.pending, counter.add)
        if control.peek() == "stop":
            try:
                stressor.verify()
            except StressorError as error:
                report["failed"] = {"returncode": None, "stderr": str(error)}
        return report

    serve(Control(), measure_and_verify, {**stressor.facts(), "counter": counter.descriptor})


def _command(request: CommandRequest) -> Command:
    """Return a command that is ended when a signal ends this process."""
    from cpu_workloads.command import Command
    from cpu_workloads.program import end_on_signals

    command = Command(request)
    end_on_signals(command.end)
    return command


def _run_command(argv: Sequence[str], seconds: float) -> Report:
    command = _command(CommandRequest(tuple(argv)))
    try:
        command.begin()
        command.wait(seconds)
        report = command.count()
    finally:
        command.stop()
    if command.failed is not None:
        returncode, stderr = command.failed["returncode"], command.failed["stderr"]
        ended = "" if returncode is None else f"{argv[0]!r} ended with return code {returncode}: "
        raise StressorError(ended + stderr, 1)
    return report


def _serve_command(request: CommandRequest) -> NoReturn:
    command = _command(request)
    try:
        serve(Control(at_end=command.end), command.measure, command.facts(), command.start)
    finally:
        command.end()


def _obey(arguments: Sequence[str]) -> None:
    at = arguments.index("--") if "--" in arguments else len(arguments)
    argv = arguments[at + 1 :]
    parser = _parser()
    asked = parser.parse_args(arguments[:at])
    if asked.list:
        _say("\n".join(names()))
        return
    if asked.name is None:
        parser.error("which stressor? --list prints their names")
    if asked.name == COMMAND and asked.request is not None and asked.child and not argv:
        _serve_command(from_json(asked.request))
    if (asked.name == COMMAND) != bool(argv) or asked.request is not None:
        parser.error("`command` takes a program after `--`, and nothing else does")
    if asked.name == COMMAND and asked.iterations is not None:
        parser.error("`command` takes --seconds or --child")
    if asked.child and argv:
        _serve_command(CommandRequest(tuple(argv)))
    if asked.child:
        _serve(asked.name)
    report = _run_command(argv, asked.seconds) if argv else _run(asked.name, asked.seconds, asked.iterations)
    _say(_text(asked.name, report, asked.json))


def main(arguments: Sequence[str]) -> int:
    """Do as `arguments` say, and return the exit code.

    0 done, 1 wrong results or nowhere to write them, 2 bad request, 3 something is missing.
    """
    try:
        # Checked first, because the next file that is opened would get the number of a closed stdout.
        if sys.stdout is None:
            raise StressorError("cannot write to stdout: it is closed", 1)
        _obey(arguments)
    except StressorError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
