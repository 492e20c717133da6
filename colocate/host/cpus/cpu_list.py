"""The kernel's notation for a set of CPUs."""

from __future__ import annotations

import re

_RANGE = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")
_CPUS_MAX = 8192  # CONFIG_NR_CPUS of the largest kernels


def parse_cpu_list(text: str) -> tuple[int, ...]:
    """Return the CPUs in a list of the kernel's format: `0-3,7` gives (0, 1, 2, 3, 7). Raises ValueError for other
    text.
    """
    cpus: set[int] = set()
    for part in text.strip().split(",") if text.strip() else ():
        match = _RANGE.fullmatch(part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, -1)
        if last < first:
            raise ValueError(f"{part!r} is an invalid range of CPUs")
        if last >= _CPUS_MAX:
            raise ValueError(f"no machine has a CPU {last}")
        cpus.update(range(first, last + 1))
    return tuple(sorted(cpus))
