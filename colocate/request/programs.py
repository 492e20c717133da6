"""Turn tables of the study file into the user's own programs: tasks and pipelines."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from colocate.errors import SpecError
from colocate.model.command import PER_CPU, REPEAT, SERVICE, Command
from colocate.model.network_path import is_file
from colocate.model.request import Pipeline, Task
from colocate.request.names import can_name, check_name
from colocate.request.shell_syntax import shell_syntax

# The rig waits for a silent child a little longer than this.
_READY_MAX_S = 500
_SHELL = ("/bin/sh", "-c")
# Beyond every machine's CPUs.
_COPIES_MAX = 10_000


@dataclass(frozen=True, slots=True)
class PipelineKeys:
    """The table of one pipeline; see `model.request.Pipeline`. A string `argv` is split as a shell would."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    argv: str | tuple[str, ...]
    latency: str | None = None
    latency_unit: Literal["ms", "us", "s"] = "ms"
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str | None = None
    ready_s: Annotated[float, Field(gt=0, le=_READY_MAX_S, allow_inf_nan=False, strict=True)] = 60.0


@dataclass(frozen=True, slots=True)
class ReadyKeys:
    """When a program is ready: `after_s` seconds after its start, or once it prints a line that contains `line`."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    after_s: Annotated[float, Field(gt=0, le=_READY_MAX_S, allow_inf_nan=False, strict=True)] | None = None
    line: str | None = None


@dataclass(frozen=True, slots=True)
class CommandKeys:
    """The table of one task; see `model.request.Task` and `model.command.Command`.

    `argv` is a list. `command` is a string, which is split as a shell would, or with `shell` read by a shell.
    `prepare` and `cleanup` may be either.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    command: str | None = None
    argv: tuple[str, ...] | None = None
    shell: Annotated[bool, Field(strict=True)] = False
    run: Literal["repeat", "service"] = "repeat"
    ready: ReadyKeys | None = None
    progress: str | None = None
    copies: Annotated[int, Field(strict=True)] | str = 1
    prepare: str | tuple[str, ...] | None = None
    cleanup: str | tuple[str, ...] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str | None = None
    user: str | None = None
    pause: Annotated[bool, Field(strict=True)] = True


def make_task(name: str, keys: str | CommandKeys, taken: Collection[str]) -> Task:
    """Return the task that the table `[commands.NAME]` means; a string in its place is its `command`.

    Raises SpecError, also for a name that is `taken`.
    """
    where = f"--command {name}" if isinstance(keys, str) else f"commands.{name}"
    check_name("--command" if isinstance(keys, str) else "commands", name, "a task")
    if name in taken:
        raise SpecError(f"{where}: this is the name of a built-in stressor; choose another")
    table = CommandKeys(keys) if isinstance(keys, str) else keys
    if (table.command is None) == (table.argv is None):
        raise SpecError(f'{where}: give either command = "..." or argv = [...]')
    if table.shell and table.command is None:
        raise SpecError(f'{where}.shell: a shell reads a line, not a list: give command = "..." in place of argv')
    program = table.argv if table.command is None else table.command
    assert program is not None
    return Task(
        name, _argv(where, program, shell=table.shell), table.pause, command=_command(f"commands.{name}", table)
    )


def _command(where: str, table: CommandKeys) -> Command:
    ready = table.ready or ReadyKeys()
    if table.ready is not None and (ready.after_s is None) == (ready.line is None):
        raise SpecError(f'{where}.ready: give either {{ after_s = 2.0 }} or {{ line = "..." }}')
    if ready.line is not None and (not ready.line.strip() or "\n" in ready.line):
        raise SpecError(f"{where}.ready.line: {ready.line!r} is in no line, or in every one")
    if table.progress is not None:
        _check_progress(f"{where}.progress", table.progress)
    if table.copies != PER_CPU and not (isinstance(table.copies, int) and 1 <= table.copies <= _COPIES_MAX):
        most = f"a number of copies from 1 to {_COPIES_MAX}"
        raise SpecError(f"{where}.copies: give {most}, or '{PER_CPU}', not {table.copies!r}")
    if table.user is not None and not can_name(table.user):
        raise SpecError(f"{where}.user: {table.user!r} is no name of a user")
    return Command(
        run=SERVICE if table.run == SERVICE else REPEAT,
        ready_after_s=ready.after_s or 0.0,
        ready_line=ready.line,
        progress=table.progress,
        copies=table.copies,
        prepare=_helper(f"{where}.prepare", table.prepare, shell=table.shell),
        cleanup=_helper(f"{where}.cleanup", table.cleanup, shell=table.shell),
        environment=_environment(where, table.environment),
        directory=_absolute(table.directory),
        user=table.user,
    )


def _helper(where: str, given: str | tuple[str, ...] | None, *, shell: bool) -> tuple[str, ...]:
    """Return the argv of `prepare` or `cleanup`, empty if not given. With `shell`, a shell reads only a string."""
    return () if given is None else _argv(where, given, shell=shell)


def _argv(where: str, given: str | tuple[str, ...], *, shell: bool) -> tuple[str, ...]:
    if not isinstance(given, str):
        return _checked(where, given)
    return _checked(where, (*_SHELL, given) if shell and given.strip() else split(where, given))


def _environment(where: str, variables: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    for variable, value in variables.items():
        if not variable or "=" in variable or "\0" in variable + value:
            raise SpecError(f"{where}.environment: {variable!r} cannot be set to {value!r}")
    return tuple(sorted(variables.items()))


def _absolute(directory: str | None) -> str | None:
    # A run is resumed from any folder.
    return None if directory is None else str(Path(directory).absolute())


def make_pipeline(name: str, keys: str | PipelineKeys) -> Pipeline:
    """Return what the table `[pipelines.NAME]` means; a string in its place is its `argv`. Raises SpecError."""
    where = f"pipelines.{name}"
    check_name("pipelines", name, "a network")
    if is_file(name):
        raise SpecError(f"pipelines: {name!r} cannot name a network, as it names a file of one")
    table = PipelineKeys(keys) if isinstance(keys, str) else keys
    if table.latency is not None:
        _check_latency(f"{where}.latency", table.latency)
    return Pipeline(
        argv=split(f"{where}.argv", table.argv) if isinstance(table.argv, str) else _checked(where, table.argv),
        latency=table.latency,
        latency_unit=table.latency_unit,
        environment=_environment(where, table.environment),
        directory=_absolute(table.directory),
        ready_s=table.ready_s,
    )


def split(where: str, line: str) -> tuple[str, ...]:
    """Split a command as a shell would, but without one. Raises SpecError, also for a line that needs a shell.

    `where` is the key or flag that the message names.
    """
    if (found := shell_syntax(line)) is not None:
        raise SpecError(
            f"{where}: {found!r} in {line!r} means something to a shell, and none reads this; write shell = true "
            "to let one read it, or give a list (argv = [...]) or quotes to pass it on as it is"
        )
    try:
        argv = tuple(shlex.split(line))
    except ValueError as error:
        raise SpecError(f"{where}: {error} in {line!r}; close its quotes") from error
    return _checked(where, argv)


def _checked(where: str, argv: tuple[str, ...]) -> tuple[str, ...]:
    if not argv or not argv[0]:
        raise SpecError(f"{where}: the command is empty")
    if any("\0" in word for word in argv):
        raise SpecError(f"{where}: no argument of a program can hold a zero byte")
    return argv


def _groups(where: str, pattern: str) -> int:
    try:
        return re.compile(pattern).groups
    except (re.error, OverflowError, RecursionError) as error:
        raise SpecError(f"{where}: {pattern!r} is no regular expression: {error}") from error


def _check_progress(where: str, pattern: str) -> None:
    groups = _groups(where, pattern)
    if groups > 1:
        raise SpecError(
            f"{where}: {pattern!r} has {groups} groups; put the number alone in parentheses; others are (?:...)"
        )


def _check_latency(where: str, pattern: str) -> None:
    groups = _groups(where, pattern)
    if groups != 1:
        raise SpecError(
            f"{where}: {pattern!r} has {groups} groups; put the latency alone in parentheses: 'infer: ([0-9.]+) ms'"
        )
