"""One input of a campaign, and what came of it."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Input:
    """Arguments of a command line, which runs in a folder with these `files` (path: content).

    `wrong`: this cannot be accepted, so an exit code of 0 is a defect. Where no command line reads the input, `run`
    is called in its place with the folder: its value is the exit code, and it may raise a ColocateError.
    """

    arguments: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    wrong: bool = False
    run: Callable[[Path], int] | None = None


class Outcome(str, enum.Enum):
    """What came of an input; the last five are defects."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    TRACEBACK = "traceback"
    HANG = "hang"
    DIED = "died or out of memory"
    LONG = "message of more than 3 lines"
    WRONG = "accepted and wrong"

    @property
    def is_defect(self) -> bool:
        """Whether this must not happen."""
        return self not in (Outcome.ACCEPTED, Outcome.REFUSED)


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of the input with that `number`, of a `kind`; `said` are the last lines of its messages."""

    kind: str
    number: int
    outcome: Outcome
    exit_code: int
    said: str
    took_s: float = 0.0
