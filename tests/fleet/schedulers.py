"""A scheduler's client without a scheduler: which boards are there is set, and what each gives."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any


class Given:
    """A future that has ended: with a value, or with an error to be raised."""

    def __init__(self, value: object) -> None:
        self._value = value

    def result(self) -> object:
        if isinstance(self._value, Exception):
            raise self._value
        return self._value

    def add_done_callback(self, call: Callable[[Given], None]) -> None:
        call(self)

    def cancel(self) -> None: ...

    def release(self) -> None: ...


class FakeClient:
    """Boards by name with their addresses; `gives` answers for a function of a board and its arguments."""

    def __init__(self, boards: dict[str, str], gives: Callable[..., object] = lambda *_: None) -> None:
        self.boards, self.gives = boards, gives
        self.status = "running"
        self.scheduler = SimpleNamespace(address="tcp://here:1")

    def nthreads(self) -> dict[str, int]:
        return dict.fromkeys(self.boards.values(), 1)

    def scheduler_info(self, n_workers: int) -> dict[str, Any]:
        return {
            "workers": {address: {"name": name, "resources": {"board": 1}} for name, address in self.boards.items()}
        }

    def submit(self, function: Callable[..., object], *arguments: object, **how: object) -> Given:
        return Given(self.gives(function.__name__, *arguments))
