"""Limit linear algebra to one thread in colocate's own process, but not in the programs that it starts.

OpenBLAS, which comes with numpy and scipy, starts a thread for each CPU when it is imported, and all these threads
spin before they sleep. On 64 CPUs that took 15 s of CPU time for every command, also on CPUs that a network was
measured on.
"""

from __future__ import annotations

import os

_VARIABLE = "OPENBLAS_NUM_THREADS"
# It means 1, but nobody else writes it so: this shows whether colocate or the user set the number.
_OURS = "01"


def use_one_thread() -> None:
    """Set OPENBLAS_NUM_THREADS to one, unless the user has set it. Call this before numpy is imported."""
    os.environ.setdefault(_VARIABLE, _OURS)


def users_environment() -> dict[str, str]:
    """Return the environment for a program that colocate starts: without the number that `use_one_thread` set."""
    return {name: value for name, value in os.environ.items() if (name, value) != (_VARIABLE, _OURS)}
