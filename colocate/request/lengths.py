"""How much a study may hold, and of what: all else is refused before anything is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from colocate.errors import SpecError

# Of one key, with all that lies in them: as many as the largest kernels have CPUs (CONFIG_NR_CPUS).
ENTRIES_MAX = 8192


def check_lengths(keys: Mapping[str, Any]) -> None:
    """Raise SpecError for a key with more entries than any study has, and for a text that no run can store."""
    for key, value in keys.items():
        if (found := _entries(key, value)) > ENTRIES_MAX:
            raise SpecError(f"{key}: it has {found} entries, and {ENTRIES_MAX} are the most")


def _entries(key: str, value: object) -> int:
    """Of a list or a table, with those of the lists and tables in it."""
    total, left = 0, [value]
    while left:
        each = left.pop()
        if isinstance(each, (list, tuple, Mapping)):
            total += len(each)
            left += [*each, *each.values()] if isinstance(each, Mapping) else each
        elif isinstance(each, str) and not _is_utf8(each):
            raise SpecError(f"{key}: {each!r} is not UTF-8, in which runs are stored; write or name it otherwise")
    return total


def _is_utf8(text: str) -> bool:
    """Whether it is; what a command line or a file's name holds need not be."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
