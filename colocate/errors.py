"""The exception tree, by who must act; `exit_code` is what the command line ends with.

    ColocateError
    |- SpecError       2   edit the request
    |- HostError       3   a knob, a sensor, a permission or a package is missing
    |- StoreError      4   the run on disk cannot be read or written
    |  |- SchemaError       another version of colocate made it, so that this one cannot continue it
    |  `- RunMovedError     its folder was moved, deleted or replaced while it was written
    |- KnobError       5   a write to the machine was refused or did not stick
    |- RestoreError    6   the machine could not be left as it was found
    |- TrialError          one trial failed; it is recorded and the sweep goes on
    Interrupted        128 + signal number

Every message is one line that says what to do about it; where that depends, `details` has a line for each way.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence


class ColocateError(Exception):
    """Any foreseeable failure: its message is meant for the user."""

    exit_code: int
    # Whether it came while a study ran, which --resume goes on with once its cause is gone.
    ended_study = False

    def __init__(self, message: str = "", details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.details = tuple(details)

    @property
    def words(self) -> str:
        """Message and details, for one line."""
        return " ".join((str(self), "; ".join(self.details))).strip()


class SpecError(ColocateError):
    """The request is wrong: edit the study file or the flags."""

    exit_code = 2


class HostError(ColocateError):
    """The machine cannot do it as it stands; the message says what to install, load or allow."""

    exit_code = 3


class StoreError(ColocateError):
    """The run on disk cannot be read or written."""

    exit_code = 4


class SchemaError(StoreError):
    """The run was made by another version of colocate: this one may be able to read it, but not to continue it."""


class RunMovedError(StoreError):
    """A run's folder was moved, deleted or replaced while it was written; the message says where the trials are."""


class KnobError(ColocateError):
    """A write to the machine was refused, or was accepted and did not stick."""

    exit_code = 5


class RestoreError(ColocateError):
    """The machine could not be put back; names the path, what was wanted and what was found."""

    exit_code = 6


class TrialError(ColocateError):
    """One trial failed. The sweep records it and goes on."""

    # Of a failure outside a sweep, where nothing records it.
    exit_code = 3


class Interrupted(BaseException):
    """SIGINT, SIGTERM or SIGHUP arrived. Not an `Exception`: nothing may swallow it on the way out."""

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.exit_code = 128 + signum


def add_note(error: BaseException, note: str) -> None:
    """Have what failed on the way out of an error said beside it: PEP 678, which Python 3.10 does not have."""
    vars(error)["__notes__"] = [*notes_of(error), note]


def notes_of(error: BaseException) -> Sequence[str]:
    """What was added to an error."""
    return tuple(vars(error).get("__notes__", ()))
