"""What to run as a task, and how, as one line of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

CLEANUP_FAILED = 4
"""The exit status of the process that runs a task if the program has ended but the cleanup failed; stderr says how.
"""


class CommandRequest(NamedTuple):
    """A program of the user's own.

    It runs again and again, or as a `service` once. If it `keeps` running, it is not ended when the counting stops.
    It is ready `ready_after_s` seconds after its start, or when a line of its output contains `ready_line`. Lines
    that match `progress` count its work (`progress.py`). `prepare` runs before the first start, `cleanup` after the
    last end. All run in `directory` as `user`, with `environment` added to that of this process. All output goes to
    the file `output`.
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
        """Return one line for `from_json`."""
        return json.dumps(self._asdict())


def from_json(text: str) -> CommandRequest:
    """The inverse of `CommandRequest.to_json`."""
    fields: dict[str, Any] = json.loads(text)
    return CommandRequest(**{**fields, **{name: tuple(fields[name]) for name in ("argv", "prepare", "cleanup")}})
