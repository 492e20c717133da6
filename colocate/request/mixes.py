"""Tasks that run at once: what a study says of them -> tasks with parts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from colocate.errors import SpecError
from colocate.model.containment import Containment, parse_containment
from colocate.model.request import Task

MixKeys = str | Sequence[str] | Mapping[str, str]
_HOW = "write encoder+logger, with a containment of its own encoder@idle+logger"


def make_mixes(
    mixes: Mapping[str, MixKeys],
    taken: Collection[str],
    task_of: Callable[[str], Task],
    containments: Sequence[Containment | None],
) -> Iterator[Task]:
    """What the table `[mixes]` means: each mix once in each of the study's `containments`, in which its parts
    run that have none of their own. `task_of` is the task of a name, `taken` are the names of tasks.

    Raises SpecError.

    A mix is a string `encoder@idle+logger`, a list of its parts, or a table of them with the containment of each.
    """
    for name, keys in mixes.items():
        if not name.isprintable() or name in ("", "none") or not {*";,"}.isdisjoint(name):
            raise SpecError(f"mixes: {name!r} cannot name a mix; use letters, digits, '-', '_' and '+'")
        if name in taken:
            raise SpecError(f"mixes.{name}: this is the name of a task; choose another")
        parts = [(task_of(task), containment) for task, containment in _parts(keys, taken)]
        if len({task.name for task, _ in parts}) < max(2, len(parts)):
            raise SpecError(f"mixes.{name}: a mix is of two different tasks or more; {_HOW}")
        # Where every part says how it is contained the study's containments change nothing.
        every = all(containment is not None for _, containment in parts)
        for way in containments[:1] if every else containments:
            yield Task(
                name,
                pause=all(task.pause for task, _ in parts),
                containment=None if every else way,
                parts=tuple(
                    replace(task, containment=way if containment is None else parse_containment(containment))
                    for task, containment in parts
                ),
            )


def _parts(keys: MixKeys, names: Collection[str]) -> Iterator[tuple[str, str | None]]:
    """The name of each part, and its own containment where it has one."""
    if isinstance(keys, Mapping):
        yield from keys.items()
        return
    for part in _split(keys, names) if isinstance(keys, str) else keys:
        task, at, containment = (word.strip() for word in part.partition("@"))
        yield task, containment if at else None


def _split(text: str, names: Collection[str]) -> list[str]:
    """`a@idle+cpus=2+b` -> `a@idle+cpus=2` and `b`: a + joins tasks, and behind an @ the words of a containment."""
    parts: list[str] = []
    for word in text.split("+"):
        own = word.partition("@")[0].strip()
        if parts and "@" in parts[-1] and own not in names and not own.startswith("network:"):
            parts[-1] += f"+{word}"
        else:
            parts.append(word)
    return parts
