"""Turn the mixes of a study, which are tasks that run at once, into tasks with parts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from colocate.errors import SpecError
from colocate.model.containment import Containment, parse_containment
from colocate.model.request import Task
from colocate.request.names import check_name

MixKeys = str | Sequence[str] | Mapping[str, str]
_HOW = "write encoder+logger, with a containment of its own encoder@idle+logger"


def make_mixes(
    mixes: Mapping[str, MixKeys],
    taken: Collection[str],
    task_of: Callable[[str], Task],
    containments: Sequence[Containment | None],
) -> Iterator[Task]:
    """Yield the tasks that the table `[mixes]` means: each mix once in each of the study's `containments`.

    A mix is a string `encoder@idle+logger`, a list of its parts, or a table of parts and containments. A part with a
    containment keeps it; if all have one, the mix is yielded once. `task_of` returns the task of a name; `taken` are
    all names of tasks. Raises SpecError.
    """
    for name, keys in mixes.items():
        # A flag gives a mix its own text as the name.
        where = f"--mix {name}" if keys == name else f"mixes.{name}"
        try:
            parts = [
                (task_of(task) if own is None else replace(task_of(task), containment=parse_containment(own)), own)
                for task, own in _parts(keys, taken)
            ]
        except SpecError as error:
            raise SpecError(f"{where}: {error}") from error
        if len({task.name for task, _ in parts}) < max(2, len(parts)):
            raise SpecError(f"{where}: a mix is of two different tasks or more; {_HOW}")
        check_name("mixes", name, "a mix", "+/")
        if name in taken:
            raise SpecError(f"{where}: this is the name of a task; choose another")
        # If every part has its own containment, the study's containments change nothing.
        every = all(own is not None for _, own in parts)
        for way in containments[:1] if every else containments:
            yield Task(
                name,
                pause=all(task.pause for task, _ in parts),
                containment=None if every else way,
                parts=tuple(replace(task, containment=way) if own is None else task for task, own in parts),
            )


def _parts(keys: MixKeys, names: Collection[str]) -> Iterator[tuple[str, str | None]]:
    """Yield the name of each part, and its containment or None. Raises SpecError for a part without a name."""
    if isinstance(keys, Mapping):
        yield from keys.items()
        return
    for part in _split(keys, names) if isinstance(keys, str) else keys:
        task, at, containment = (word.strip() for word in part.partition("@"))
        if not task or (at and not containment):
            raise SpecError(f"{part.strip()!r} names no {'containment' if task else 'task'}; {_HOW}")
        yield task, containment if at else None


def _split(text: str, names: Collection[str]) -> list[str]:
    """Split `a@idle+cpus=2+b` into `a@idle+cpus=2` and `b`: a + joins tasks, and after an @ also containments."""
    parts: list[str] = []
    for word in text.split("+"):
        own = word.partition("@")[0].strip()
        if parts and "@" in parts[-1] and own not in names and not own.startswith("network:"):
            parts[-1] += f"+{word}"
        else:
            parts.append(word)
    return parts
