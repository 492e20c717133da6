"""Programs of the user's own in a study: tables of the study file -> what is run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from colocate.errors import SpecError
from colocate.model.request import Pipeline, Task

# The rig waits for a silent child a little longer than this.
_READY_MAX_S = 500


@dataclass(frozen=True, slots=True)
class PipelineKeys:
    """The table of one pipeline; see `model.request.Pipeline`. `argv` is a list, or split like a shell would."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    argv: str | tuple[str, ...]
    latency: str | None = None
    latency_unit: Literal["ms", "us", "s"] = "ms"
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str | None = None
    ready_s: Annotated[float, Field(gt=0, le=_READY_MAX_S, allow_inf_nan=False, strict=True)] = 60.0


@dataclass(frozen=True, slots=True)
class CommandKeys:
    """The table of one task: `command` is split like a shell would, `argv` is a list; see `model.request.Task`."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    command: str | None = None
    argv: tuple[str, ...] | None = None
    pause: Annotated[bool, Field(strict=True)] = True


def make_task(name: str, keys: str | CommandKeys, taken: Collection[str]) -> Task:
    """What the table `[commands.NAME]` means; a string is its `command` alone. Raises SpecError, also for a name that
    is `taken`.
    """
    where = f"--command {name}" if isinstance(keys, str) else f"commands.{name}"
    if not can_name(name):
        raise SpecError(f"--command: '{name}' cannot name a task; use letters, digits, '-' and '_'")
    if name in taken:
        raise SpecError(f"{where}: this is the name of a built-in stressor; choose another")
    table = CommandKeys(keys) if isinstance(keys, str) else keys
    if table.command is not None and table.argv is None:
        argv = split(where, table.command)
    elif table.argv is not None and table.command is None:
        argv = _checked(where, table.argv)
    else:
        raise SpecError(f'{where}: give either command = "..." or argv = [...]')
    return Task(name, argv, table.pause)


def make_pipeline(name: str, keys: str | PipelineKeys) -> Pipeline:
    """What the table `[pipelines.NAME]` means; a string is its `argv` alone. Raises SpecError."""
    where = f"pipelines.{name}"
    if not can_name(name) or name.endswith(".onnx"):
        raise SpecError(f"pipelines: {name!r} cannot name a network; use letters, digits, '-' and '_'")
    table = PipelineKeys(keys) if isinstance(keys, str) else keys
    for variable, value in table.environment.items():
        if not variable or "=" in variable or "\0" in variable + value:
            raise SpecError(f"{where}.environment: {variable!r} cannot be set to {value!r}")
    if table.latency is not None:
        _check_latency(f"{where}.latency", table.latency)
    return Pipeline(
        argv=split(f"{where}.argv", table.argv) if isinstance(table.argv, str) else _checked(where, table.argv),
        latency=table.latency,
        latency_unit=table.latency_unit,
        environment=tuple(sorted(table.environment.items())),
        # A run is resumed from any folder.
        directory=None if table.directory is None else str(Path(table.directory).absolute()),
        ready_s=table.ready_s,
    )


def can_name(name: str) -> bool:
    """Whether a user may call something so: it stands in lists, file names and tables."""
    return name not in ("", "none") and all(c.isprintable() and c not in "/;," for c in name)


def split(where: str, line: str) -> tuple[str, ...]:
    """A command split like a shell would, without one. Raises SpecError that names the key or flag `where`."""
    try:
        argv = tuple(shlex.split(line))
    except ValueError as error:
        raise SpecError(f"{where}: {error} in {line!r}") from error
    return _checked(where, argv)


def _checked(where: str, argv: tuple[str, ...]) -> tuple[str, ...]:
    if not argv or not argv[0]:
        raise SpecError(f"{where}: the command is empty")
    if any("\0" in word for word in argv):
        raise SpecError(f"{where}: no argument of a program can hold a zero byte")
    return argv


def _check_latency(where: str, pattern: str) -> None:
    try:
        groups = re.compile(pattern).groups
    except (re.error, OverflowError, RecursionError) as error:
        raise SpecError(f"{where}: {pattern!r} is no regular expression: {error}") from error
    if groups != 1:
        raise SpecError(
            f"{where}: {pattern!r} has {groups} groups; put the latency alone in parentheses: 'infer: ([0-9.]+) ms'"
        )
