"""The errors of colocate, grouped by who must act. The number is the exit code of the command line.

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

Every message is one line that says what to do. If there are several ways to do it, `details` has a line for each.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence


class ColocateError(Exception):
    """A foreseeable failure. Its message is meant for the user."""

    exit_code: int
    # Whether it ended a running study: --resume can continue that once the cause is gone.
    ended_study = False

    def __init__(self, message: str = "", details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.details = tuple(details)

    @property
    def words(self) -> str:
        """The message and its details, on one line."""
        return " ".join((str(self), "; ".join(self.details))).strip()


class SpecError(ColocateError):
    """The request is wrong: edit the study file or the flags."""

    exit_code = 2


class HostError(ColocateError):
    """The machine cannot do this in its present state; the message says what to install, load or allow."""

    exit_code = 3


class StoreError(ColocateError):
    """The run on disk cannot be read or written."""

    exit_code = 4


class SchemaError(StoreError):
    """Another version of colocate made the run. This version may be able to read it, but cannot continue it."""


class RunMovedError(StoreError):
    """A run's folder was moved, deleted or replaced while it was written; the message says where the trials are."""


class KnobError(ColocateError):
    """A write to a knob (a setting of the machine, such as a clock) was refused, or was accepted and did not hold."""

    exit_code = 5


class RestoreError(ColocateError):
    """A setting of the machine could not be restored. The message has its path, the value wanted and that found."""

    exit_code = 6


class TrialError(ColocateError):
    """One trial failed. The sweep records it and goes on."""

    # For a failure outside a sweep, where nothing records it.
    exit_code = 3


class Interrupted(BaseException):
    """SIGINT, SIGTERM or SIGHUP arrived. It is no `Exception`, so that no `except Exception` stops it."""

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.exit_code = 128 + signum


def add_note(error: BaseException, note: str) -> None:
    """Add `note` to `error`, to be printed beside it: what else failed while it was handled.

    This is PEP 678, which Python 3.10 does not have.
    """
    vars(error)["__notes__"] = [*notes_of(error), note]


def notes_of(error: BaseException) -> Sequence[str]:
    """The notes that `add_note` added to an error, in order."""
    return tuple(vars(error).get("__notes__", ()))
