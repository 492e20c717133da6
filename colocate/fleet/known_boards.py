"""Keep a list of the boards that a scheduler knows, as they come and go, and call functions on them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from distributed import Client, Future

from colocate.errors import HostError
from colocate.fleet import board as on_board
from colocate.fleet.seats import BoardSeat, line_of

# How often boards that came and went are looked for.
POLL_S = 0.5
# How long a study waits for a first board.
FIRST_S = 60.0


class KnownBoards:
    """The boards of a scheduler. `says` is called with one line for each event of a board."""

    def __init__(self, client: Client, says: Callable[[str], None]) -> None:
        self.says = says
        self.seats: dict[str, BoardSeat] = {}
        self._client = client
        self._addresses: frozenset[str] = frozenset()
        self._looked_s = -POLL_S

    def present(self) -> list[BoardSeat]:
        """The boards that were there at the last `refresh`."""
        return [seat for seat in self.seats.values() if seat.gone_s is None]

    def is_there(self, address: str) -> bool:
        """Whether the scheduler knew a board at that address at the last `refresh`."""
        return address in self._addresses

    def first(self) -> BoardSeat:
        """Wait for a board, and return the first by name. Raises HostError if none comes within a minute."""
        until_s = time.monotonic() + FIRST_S
        while not self.present():
            self.refresh()
            if not self.present():
                if time.monotonic() > until_s:
                    raise HostError(
                        f"no board serves {self._client.scheduler.address}: start one on each with `python -m "
                        f"colocate board ADDRESS`"
                    )
                time.sleep(POLL_S)
        return min(self.present(), key=lambda seat: seat.name)

    def submit(self, seat: BoardSeat, function: Callable[..., Any], *arguments: Any) -> Future:
        """Call a function of `fleet.board` on a board, and return the future of its result."""
        return self._client.submit(
            function, *arguments, workers=[seat.address], resources={on_board.RESOURCE: 1}, pure=False
        )

    def refuse(self, seat: BoardSeat, why: str) -> None:
        """Never use this board again, and say why."""
        seat.refused = why
        self.says(f"Board {seat.name} is not used: {why}")

    def refresh(self) -> None:
        """Ask the scheduler which boards it knows, unless just asked. Raises HostError if it is gone."""
        if time.monotonic() < self._looked_s + POLL_S:
            return
        self._looked_s = time.monotonic()
        if self._client.status != "running":
            raise HostError("the scheduler is gone; start it again")
        try:
            addresses = frozenset(self._client.nthreads())
        except (OSError, TimeoutError, ValueError) as error:
            raise HostError(f"the scheduler is gone ({line_of(error)}); start it again") from error
        if addresses == self._addresses:
            return
        self._addresses = addresses
        workers = self._client.scheduler_info(n_workers=-1)["workers"]
        found = {
            str(each["name"]): address
            for address, each in workers.items()
            if on_board.RESOURCE in each.get("resources", {})
        }
        for name in dict.fromkeys((*self.seats, *found)):
            self._note(name, found.get(name))

    def _note(self, name: str, address: str | None) -> None:
        seat = self.seats.setdefault(name, BoardSeat(name))
        if address is None:
            if seat.gone_s is None:
                seat.gone_s = time.monotonic()
                self.says(f"Board {name} is gone.")
        elif address != seat.address or seat.gone_s is not None:
            # The board was started again, maybe with another kernel or in another mode, so it must describe itself
            # again.
            seat.address, seat.gone_s, seat.ready, seat.refused = address, None, False, ""
