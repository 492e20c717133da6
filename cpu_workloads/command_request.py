"""What to run as a task and how, in one line of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

CLEANUP_FAILED = 4
"""The exit status of a runner whose program is gone, but whose cleanup failed; its stderr says how."""


class CommandRequest(NamedTuple):
    """A program of the user's own.

    It runs again and again, or as a `service` once: that `keeps` running when the counting stops, or is ended then.
    It is ready `ready_after_s` after its start, and when a line of its output contains `ready_line`. Lines that match
    `progress` count its work (`progress.py`). `prepare` runs before the first start and `cleanup` after the last end.
    All are run in `directory`, with `environment` added to that of this process, as `user`. The file `output` gets
    all that they print.
    """

    argv: tuple[str, ...]
    service: bool = False
    keeps: bool = False
    ready_after_s: float = 0.0
    ready_line: str | None = None
    progress: str | None = None
    prepare: tuple[str, ...] = ()
    cleanup: tuple[str, ...] = ()
    environment: Mapping[str, str] = {}
    directory: str | None = None
    user: str | None = None
    output: str | None = None

    def to_json(self) -> str:
        """One line for `from_json`."""
        return json.dumps(self._asdict())


def from_json(text: str) -> CommandRequest:
    """The inverse of `CommandRequest.to_json`."""
    fields: dict[str, Any] = json.loads(text)
    return CommandRequest(**{**fields, **{name: tuple(fields[name]) for name in ("argv", "prepare", "cleanup")}})
