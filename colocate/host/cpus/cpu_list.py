"""The kernel's way to write a set of CPUs."""

from __future__ import annotations

_CPUS_MAX = 8192  # CONFIG_NR_CPUS of the largest kernels


def parse_cpu_list(text: str) -> tuple[int, ...]:
    """The kernel's CPU list format, `0-3,7` -> (0, 1, 2, 3, 7). Raises ValueError for anything else."""
    cpus: set[int] = set()
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        if not all(word.isascii() and word.strip().isdecimal() for word in (first, last or first)):
            raise ValueError(f"{part!r} is an invalid range of CPUs")
        if int(last or first) >= _CPUS_MAX:
            raise ValueError(f"no machine has a CPU {last or first}")
        cpus.update(range(int(first), int(last or first) + 1))
    return tuple(sorted(cpus))
