"""A session that pins every clock of a board, and a watchdog that does nothing."""

from __future__ import annotations

from pathlib import Path

from colocate.host.clocks.find import find_clocks
from colocate.host.restore.session import held
from tests.host.boards import Kernel


class NoWatchdog:
    """In place of the real one, which would act on the files of a stand-in kernel behind its back."""

    def __init__(self, *_: object) -> None: ...

    def __enter__(self) -> NoWatchdog:
        return self

    def __exit__(self, *_: object) -> None: ...

    def check(self) -> None: ...


def run_session(kernel: Kernel, folder: Path) -> None:
    """Low, high, native, middle: rising and falling through every domain."""
    clocks = find_clocks(kernel)
    wanted = [name for name in ("cpu", "gpu", "emc") if clocks.domain(name) is not None]
    steps = {name: domain.steps_hz for name in wanted if (domain := clocks.domain(name)) is not None}
    with held(clocks, wanted, folder, kernel) as pins:
        for which in (0, -1, None, 6):
            chosen = {name: table[min(which, len(table) - 1)] for name, table in steps.items() if which is not None}
            asked = {f"{name}_hz": hz for name, hz in chosen.items()}
            pins.set(**asked)
            for name, hz in zip(("cpu", "gpu", "emc"), clocks.seen(), strict=True):
                assert hz == asked.get(f"{name}_hz", hz)
