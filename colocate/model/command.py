"""How a program of the user's own is run as a task, and how its work is counted."""

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
    """What a study says of a task's program besides its argv.

    `run` is one of `RUNS`. It is ready `ready_after_s` after its start, and once it has printed a line that contains
    `ready_line`; no window begins before. Lines that match the regular expression `progress` count its work: by the
    growth of the number in its one group, or one for each line where it has no group.

    `copies` is how many of it run at a time; with `per-cpu` each is bound to its own CPU. `prepare` runs before the
    first start in a placement, and `cleanup` after the last one has ended. All three run in `directory`, with
    `environment` added to colocate's own, as `user`.
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
        """The fields that differ from their defaults. Ids of trials follow from them: a field that comes later leaves
        those without it as they were.
        """
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value for name, value in own.items() if value != getattr(PLAIN, name)}


PLAIN = Command()
