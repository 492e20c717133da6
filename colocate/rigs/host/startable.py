"""Whether the user's own programs can be started, as far as that is known without running them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from colocate.errors import SpecError
from colocate.model.trial import Trial
from cpu_workloads.program import ProgramError, require
from cpu_workloads.user import User


class _Asked(NamedTuple):
    """What a study says of programs that share a directory and an environment. `where` begins their keys in the study
    file; `programs` has the rest of each key, and the program.
    """

    where: str
    programs: tuple[tuple[str, str], ...]
    environment: tuple[tuple[str, str], ...]
    directory: str | None
    user: str | None = None


def check_programs(trials: Sequence[Trial]) -> None:
    """Raise SpecError if a user does not exist here or colocate may not become that user, if a directory cannot be
    entered, or if a program is not there.
    """
    for asked in dict.fromkeys(_asked(trials)):
        where, directory = asked.where, asked.directory
        if asked.user is not None:
            try:
                User.named(asked.user)
            except ProgramError as error:
                raise SpecError(f"{where}.user: {error}") from error
        # Only a directory has a dot in it.
        if directory is not None and ("\0" in directory or not os.access(f"{directory}/.", os.X_OK)):
            raise SpecError(f"{where}.directory: {directory!r} is no directory that can be entered; make it first")
        path = dict(asked.environment).get("PATH")
        for key, program in asked.programs:
            try:
                require(program, path, directory)
            except ProgramError as error:
                raise SpecError(f"{where}{key}: {error}") from error


def _asked(trials: Sequence[Trial]) -> Iterator[_Asked]:
    for trial in trials:
        if trial.inference is not None and (pipeline := trial.inference.pipeline) is not None:
            where = f"pipelines.{trial.inference.network}"
            yield _Asked(where, (("", pipeline.argv[0]),), pipeline.environment, pipeline.directory)
        for member in trial.task.members if trial.task else ():
            if member.argv:
                command = member.command
                helpers = ((".prepare", command.prepare), (".cleanup", command.cleanup))
                programs = (("", member.argv[0]), *((key, argv[0]) for key, argv in helpers if argv))
                where = f"commands.{member.name}"
                yield _Asked(where, programs, command.environment, command.directory, command.user)
