"""How a user's own program is run as a task, and how its work is counted."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

# How often a program is started: again whenever it ends, or once for all windows of a placement.
REPEAT, SERVICE = "repeat", "service"
RUNS = (REPEAT, SERVICE)
# One copy on each CPU of the task.
PER_CPU = "per-cpu"


@dataclass(frozen=True, slots=True)
class Command:
    """How to run a task's program, whose command line is in `Task.argv`.

    `run` is one of `RUNS`: `repeat` starts the program again whenever it ends, `service` starts it once for all
    windows of a placement. The program is ready when it has run for `ready_after_s` and, if `ready_line` is given,
    has printed a line that contains that text; no window begins earlier. Output lines that match the regular
    expression `progress` count as work. If the expression has a group, the work is the growth of the number in it,
    else one per line.

    `copies` is how many copies run at the same time; `per-cpu` runs one on each CPU of the task. `prepare` is a
    command that runs before the first start in a placement, and `cleanup` one that runs after the last copy has
    ended. All three run in `directory`, as `user`, with `environment` added to colocate's own.
    """

    run: str = REPEAT
    ready_after_s: float = 0.0
    ready_line: str | None = None
    progress: str | None = None
    copies: int | str = 1
    prepare: tuple[str, ...] = ()
    cleanup: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    directory: str | None = None
    user: str | None = None

    @property
    def present(self) -> dict[str, Any]:
        """The fields that differ from their defaults. Ids of trials are hashes of them, so a new field of this class
        does not change existing ids.
        """
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value for name, value in own.items() if value != getattr(PLAIN, name)}


PLAIN = Command()
