"""Which study a command line asks for: its flags, its study file, and the run that is resumed."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from colocate.commands.common_arguments import given
from colocate.commands.study_flags import STUDY_FLAGS
from colocate.errors import ColocateError, SpecError

if TYPE_CHECKING:
    from colocate.model.purpose import Purpose
    from colocate.request.spec import Study
    from colocate.store.run_file import Header

_Purpose = TypeVar("_Purpose", bound="Purpose")


def keys_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """The keys of the study: a resumed run's, over them the file's, over them the flags'."""
    from colocate.request.study_file import read_study

    stored = stored_header(arguments)
    keys = {} if stored is None else dict(stored.request)
    file: Path | None = getattr(arguments, "file", None)
    if file is not None:
        keys |= read_study(file)
    return keys | given(arguments, STUDY_FLAGS)


def study_of(arguments: argparse.Namespace) -> Study:
    """The study of a file and of flags. Raises SpecError, which names the file where that is wrong by itself."""
    from colocate.request.spec import make_study

    keys = keys_of(arguments)
    with file_named(arguments, lambda study: None):
        return make_study(keys)


@contextlib.contextmanager
def file_named(arguments: argparse.Namespace, again: Callable[[Study], object]) -> Iterator[None]:
    """Name the study file in a SpecError that it causes by itself: nothing else says anything of the study, or
    `again`, done with what the file alone means, fails in the same words.
    """
    try:
        yield
    except SpecError as error:
        file: Path | None = getattr(arguments, "file", None)
        if file is not None and (not _others_say(arguments) or _fails_alone(file, again, str(error))):
            error.args = (f"{file}: {error}",)
        raise


def _others_say(arguments: argparse.Namespace) -> bool:
    """Whether a flag or the run that is resumed says anything of the study as well."""
    return arguments.resume or bool(given(arguments, STUDY_FLAGS))


def _fails_alone(file: Path, again: Callable[[Study], object], words: str) -> bool:
    from colocate.request.spec import make_study
    from colocate.request.study_file import read_study

    try:
        again(make_study(read_study(file)))
    except ColocateError as alone:
        return str(alone) == words
    return False


def stored_purpose(arguments: argparse.Namespace, kind: type[_Purpose]) -> _Purpose | None:
    """What the run that is resumed was made for; None for a new one. Raises SpecError if another command made it."""
    stored = stored_header(arguments)
    if stored is None:
        return None
    if isinstance(stored.purpose, kind):
        return stored.purpose
    made_by = f"`colocate {stored.purpose.command}`"
    raise SpecError(f"the run in {arguments.out} was made by {made_by}; continue it with that command")


def stored_header(arguments: argparse.Namespace) -> Header | None:
    """The header of the run that is resumed; None for a new one. Raises SpecError where other users could have
    written it: its commands would run with this user's rights.
    """
    from colocate.store.database import untrusted
    from colocate.store.run_file import Run

    if not arguments.resume:
        return None
    with Run.read(arguments.out) as run:
        if run.others and not arguments.trust:
            raise SpecError(untrusted(arguments.out, run.others))
        # A row that is damaged is found now, not when a study of hours is over.
        run.done()
        return run.header()
