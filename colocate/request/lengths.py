"""How much a study may hold: what is beyond it is refused before anything is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from colocate.errors import SpecError

# Of one key, with all that lies in them: as many as the largest kernels have CPUs (CONFIG_NR_CPUS).
ENTRIES_MAX = 8192


def check_lengths(keys: Mapping[str, Any]) -> None:
    """Raise SpecError for a key with more entries than any study has."""
    for key, value in keys.items():
        if (found := _entries(value)) > ENTRIES_MAX:
            raise SpecError(f"{key}: it has {found} entries, and {ENTRIES_MAX} are the most")


def _entries(value: object) -> int:
    """Of a list or a table, with those of the lists and tables in it."""
    total, left = 0, [value]
    while left:
        each = left.pop()
        if isinstance(each, (list, tuple, Mapping)):
            total += len(each)
            left += each.values() if isinstance(each, Mapping) else each
    return total
