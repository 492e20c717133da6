"""Whether programs of the user's own can be started: what can be known without running one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from colocate.errors import SpecError
from colocate.model.trial import Trial
from cpu_workloads.program import ProgramError
from cpu_workloads.user import User


def check_programs(trials: Sequence[Trial]) -> None:
    """Raise SpecError for a user that this machine does not have, or that colocate may not become, and for a
    directory that cannot be entered.
    """
    for where, user, directory in dict.fromkeys(_asked(trials)):
        if user is not None:
            try:
                User.named(user)
            except ProgramError as error:
                raise SpecError(f"{where}.user: {error}") from error
        # Only a directory has a dot in it.
        if directory is not None and ("\0" in directory or not os.access(f"{directory}/.", os.X_OK)):
            raise SpecError(f"{where}.directory: {directory!r} is no directory that can be entered; make it first")


def _asked(trials: Sequence[Trial]) -> Iterator[tuple[str, str | None, str | None]]:
    """Key of each program in a study file, as whom it runs, and where."""
    for trial in trials:
        if trial.inference is not None and trial.inference.pipeline is not None:
            yield f"pipelines.{trial.inference.network}", None, trial.inference.pipeline.directory
        for member in trial.task.members if trial.task else ():
            yield f"commands.{member.name}", member.command.user, member.command.directory
