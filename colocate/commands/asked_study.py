"""Find out which study a command line asks for, from its flags, its study file and the run that it resumes."""

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
    """Return the keys of the study. The study file overrides a resumed run, and flags override both."""
    from colocate.request.study_file import read_study

    stored = stored_header(arguments)
    keys = {} if stored is None else dict(stored.request)
    file: Path | None = getattr(arguments, "file", None)
    if file is not None:
        keys |= read_study(file)
    return keys | given(arguments, STUDY_FLAGS)


def study_of(arguments: argparse.Namespace) -> Study:
    """Return the study that is asked for. Raises SpecError, which names the study file if only the file is wrong."""
    from colocate.request.spec import make_study

    keys = keys_of(arguments)
    with file_named(arguments, lambda study: None):
        return make_study(keys)


@contextlib.contextmanager
def file_named(arguments: argparse.Namespace, again: Callable[[Study], object]) -> Iterator[None]:
    """Name the study file in a SpecError that the file alone causes.

    That is so if neither a flag nor a resumed run gives a key, or if `again`, called with the study of the file
    alone, fails with the same message.
    """
    try:
        yield
    except SpecError as error:
        file: Path | None = getattr(arguments, "file", None)
        if file is not None and (not _others_say(arguments) or _fails_alone(file, again, str(error))):
            error.args = (f"{file}: {error}",)
        raise


def _others_say(arguments: argparse.Namespace) -> bool:
    """Whether a flag or a resumed run gives keys of the study, too."""
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
    """Return what the resumed run was made for; None for a new run. Raises SpecError if it is another command's."""
    stored = stored_header(arguments)
    if stored is None:
        return None
    if isinstance(stored.purpose, kind):
        return stored.purpose
    made_by = f"`colocate {stored.purpose.command}`"
    raise SpecError(f"the run in {arguments.out} was made by {made_by}; continue it with that command")


def stored_header(arguments: argparse.Namespace) -> Header | None:
    """Return the header of the resumed run; None for a new run.

    Raises SpecError if other users could have written the run, unless `--trust` is given: the run's commands would
    get this user's rights.
    """
    from colocate.store.database import untrusted
    from colocate.store.run_file import Run

    if not arguments.resume:
        return None
    with Run.read(arguments.out) as run:
        if run.others and not arguments.trust:
            raise SpecError(untrusted(arguments.out, run.others))
        # Read every row, so that a damaged one is found now and not after hours of measurement.
        run.done()
        return run.header()
