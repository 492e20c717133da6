"""Refuse a study with too many entries, or with text that is not UTF-8, before anything else is done with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from colocate.errors import SpecError

# The most entries of one key, with those inside them: the CPUs of the largest kernels (CONFIG_NR_CPUS).
ENTRIES_MAX = 8192


def check_lengths(keys: Mapping[str, Any]) -> None:
    """Raise SpecError for a key with more than ENTRIES_MAX entries, and for text that cannot be stored as UTF-8."""
    for key, value in keys.items():
        if (found := _entries(key, value)) > ENTRIES_MAX:
            raise SpecError(f"{key}: it has {found} entries, and {ENTRIES_MAX} are the most")


def _entries(key: str, value: object) -> int:
    """Count the entries of a list or a table, with those of lists and tables inside it."""
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
    """Whether `text` can be UTF-8: arguments and file names may hold other bytes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
