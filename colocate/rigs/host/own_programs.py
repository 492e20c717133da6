"""Tasks that are the user's own programs: what their runners are asked to do, and how a failure is described."""

from __future__ import annotations

import dataclasses
import pwd
import signal
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from colocate.files import caller_uid
from colocate.host.cpus.cpuset import Seat
from colocate.model.command import PER_CPU, SERVICE
from colocate.model.request import Task
from cpu_workloads.command_request import CommandRequest
from cpu_workloads.user import User

# What a failed program said last is told in one line: so many lines of it, and characters.
SAID_LINES, SAID_CHARACTERS = 3, 300
_TRACEBACK = "Traceback (most recent call last):"


def caller() -> User | None:
    """Return the user who became root through sudo; None if there is none. Programs of a study run as this user
    unless it names another.
    """
    uid = caller_uid()
    try:
        return None if uid is None else User.named(pwd.getpwuid(uid).pw_name)
    except (KeyError, OverflowError):
        return None


def runners(task: Task, seat: Seat, output: int | None) -> Iterator[tuple[list[str], Seat]]:
    """Yield the command and the seat of each copy's runner. The open file `output` gets what the program prints. Only
    the first runner has `prepare` and `cleanup`, because it starts first and ends last.
    """
    first = request_of(task, output)
    other = first._replace(prepare=(), cleanup=())
    copies = task.command.copies
    bound = seat.cpus if copies == PER_CPU else ()
    seats = [dataclasses.replace(seat, cpus=(cpu,)) for cpu in bound] or [seat] * int(copies)
    for number, own in enumerate(seats):
        request = other if number else first
        yield [sys.executable, "-m", "cpu_workloads", "command", "--child", "--request", request.to_json()], own


def request_of(task: Task, output: int | None) -> CommandRequest:
    """Return what the runner of a task is asked to do."""
    command, user = task.command, caller()
    return CommandRequest(
        argv=task.argv,
        service=command.run == SERVICE,
        keeps=task.keeps_running,
        ready_after_s=command.ready_after_s,
        ready_line=command.ready_line,
        progress=command.progress,
        prepare=command.prepare,
        cleanup=command.cleanup,
        environment=dict(command.environment),
        directory=command.directory,
        user=command.user or (None if user is None else user.name),
        output=None if output is None else f"/proc/self/fd/{output}",
    )


def failure_words(task: Task, failed: Mapping[str, Any]) -> str:
    """Return one line on how a task failed. `failed` is its runner's report: a return code or None, and what it
    printed last.
    """
    returncode = failed["returncode"]
    said = last_words(str(failed["stderr"])) or "it said nothing"
    if returncode is None:
        return f"task '{task.name}' failed: {said}"
    how = _signal_name(-returncode) if returncode < 0 else str(returncode)
    if task.command.user is None and (user := caller()) is not None:
        how += f', as user {user.name}; user = "root" gives it root\'s rights'
    if task.command.run == SERVICE:
        fix = "" if returncode else '; run = "repeat" starts it again'
        return f"task '{task.name}' is a service and ended by itself ({how}){fix}: {said}"
    return f"task '{task.name}' failed ({how}): {said}"


def last_words(text: str) -> str:
    """Return the last telling lines that a program printed, joined into one. Indented lines only explain others, as
    in a traceback, and are left out if possible.
    """
    lines = [line for line in text.strip().splitlines() if line.strip() and line.strip() != _TRACEBACK]
    telling = [line for line in lines if not line[0].isspace()] or lines
    said = "; ".join(
        "".join(c if c.isprintable() else "\ufffd" for c in line.strip()) for line in telling[-SAID_LINES:]
    )
    return said if len(said) <= SAID_CHARACTERS else f"...{said[-SAID_CHARACTERS:]}"


def _signal_name(number: int) -> str:
    """Return the name of a signal, or its number: real-time signals have no name."""
    return signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
