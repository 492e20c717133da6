"""One thread for the linear algebra of colocate's own process, and the user's setting for whatever it starts.

OpenBLAS, which numpy and scipy bring, starts a thread for each CPU when it is imported, and all of them spin before
they sleep. On 64 CPUs every command took 15 s of CPU time for that, also on CPUs that a network was measured on.
"""

from __future__ import annotations

import os

_VARIABLE = "OPENBLAS_NUM_THREADS"
# The same number as 1, as nobody else writes it: so every process knows whose it is.
_OURS = "01"


def use_one_thread() -> None:
    """Before numpy is imported; where the user has set a number, that stays."""
    os.environ.setdefault(_VARIABLE, _OURS)


def users_environment() -> dict[str, str]:
    """The environment without the number that `use_one_thread` set, for a program that colocate starts."""
    return {name: value for name, value in os.environ.items() if (name, value) != (_VARIABLE, _OURS)}
