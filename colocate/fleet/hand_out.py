"""Hand out blocks to boards, one at a time to each, and receive their outcomes.

The client does this, so that the order of the plan is kept and a board that joins late is used at once. The scheduler
holds only one task per board.
"""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from distributed import Future

from colocate.errors import HostError
from colocate.fleet import board as on_board
from colocate.fleet.block import BoardLook, Setup
from colocate.fleet.blocks_left import Block, BlocksLeft
from colocate.fleet.known_boards import POLL_S, KnownBoards
from colocate.fleet.seats import BoardSeat, line_of, signed
from colocate.model.fleet import Board, Sharing
from colocate.model.machine import HostFacts
from colocate.model.trial import Failure, Outcome, Trial
from colocate.trial_loop import Done, Outcomes

# How long a replicated study waits for a board that went away.
ABSENT_S = 600.0


class HandOut:
    """Hands out blocks to the boards that are there.

    A new board first describes itself and says whether it can run `kinds`, a trial of each kind; `introduces` then
    accepts or refuses it. The trials of a block that is lost for good fail, with `facts` as those of the machine.
    """

    def __init__(
        self,
        known: KnownBoards,
        sharing: Sharing,
        kinds: Sequence[Trial],
        introduces: Callable[[BoardSeat, BoardLook], None],
        facts: HostFacts,
        setup: Setup,
    ) -> None:
        self._known, self._sharing, self._kinds, self._facts = known, sharing, tuple(kinds), facts
        self._introduces, self._setup = introduces, setup
        self._ended: queue.SimpleQueue[tuple[str, Future]] = queue.SimpleQueue()

    def outcomes(self, trials: Sequence[Trial], done: Done) -> Outcomes:
        """See `Site.outcomes`. Raises HostError if the scheduler goes away, or if every board there is refused."""
        left = BlocksLeft(trials, done, self._sharing)
        waiting = False
        while True:
            self._known.refresh()
            yield from self._lost(left)
            self._hand_out(left)
            if not self._unfinished(left):
                break
            waiting = self._said_that_none_is_there(waiting)
            for name, future in self._arrived():
                yield from self._received(self._known.seats[name], future, left)
        for seat in self._known.seats.values() if self._sharing is Sharing.REPLICATE else ():
            if not seat.refused and (blocks := left.count_for([seat.name])):
                self._known.says(
                    f"Board {seat.name} is away with {blocks} blocks left; --resume runs them once it is back."
                )

    def _arrived(self) -> Iterator[tuple[str, Future]]:
        """Yield what boards have answered since the last call; waits a moment for the first answer."""
        with contextlib.suppress(queue.Empty):
            yield self._ended.get(timeout=POLL_S)
            while True:
                yield self._ended.get_nowait()

    def _received(self, seat: BoardSeat, future: Future, left: BlocksLeft) -> Iterator[Outcome]:
        if seat.future is not future:
            return  # of a task that was called off
        block, seat.future, seat.block = seat.block, None, ()
        try:
            answer = future.result()
        except Exception as error:  # noqa: BLE001 - whatever befell a board, its block is run again
            if not block and self._known.is_there(seat.at):
                # It is there and cannot even look at itself: it has no colocate, or another Python.
                self._known.refuse(seat, line_of(error))
            else:
                yield from self._unanswered(seat, block, left, line_of(error))
            return
        finally:
            future.release()
        if isinstance(answer, BoardLook):
            self._introduces(seat, answer)
        elif answer.trouble:
            self._known.refuse(seat, answer.trouble)
            left.give_back(seat.name, block, lost=False)
        else:
            yield from signed(seat.name, answer)

    def _unanswered(self, seat: BoardSeat, block: Block, left: BlocksLeft, why: str) -> Iterator[Outcome]:
        """Handle a board that did not answer because it died, or its measuring process did."""
        seat.ready = False
        if block and not left.give_back(seat.name, block, lost=True):
            self._known.says(f"Board {seat.name}: a block failed for good: {why}")
            board = Board(seat.name, self._facts)
            yield from (Failure(trial, f"boards were lost while they ran its block: {why}", board) for trial in block)
        elif block:
            self._known.says(f"Board {seat.name}: its block is run again: {why}")

    def _lost(self, left: BlocksLeft) -> Iterator[Outcome]:
        """Handle boards that went away before they answered."""
        for seat in self._known.seats.values():
            if seat.future is not None and not self._known.is_there(seat.at):
                future, block, seat.future, seat.block = seat.future, seat.block, None, ()
                future.cancel()
                yield from self._unanswered(seat, block, left, "it is gone")

    def _hand_out(self, left: BlocksLeft) -> None:
        for seat in self._known.present():
            if seat.future is not None or seat.refused:
                continue
            if not seat.ready:
                self._submit(seat, on_board.look, self._kinds)
            elif (block := left.take(seat.name)) is not None:
                self._submit(seat, on_board.run_block, block)
                seat.block = block

    def _submit(self, seat: BoardSeat, function: Callable[..., Any], trials: Block) -> None:
        future = self._known.submit(seat, function, self._setup, trials)
        seat.future, seat.at = future, seat.address
        future.add_done_callback(lambda ended, name=seat.name: self._ended.put((name, ended)))

    def _unfinished(self, left: BlocksLeft) -> bool:
        """Whether a block is under way, or left for a board that is there or may come back."""
        seats = self._known.seats.values()
        if any(seat.block for seat in seats):
            return True
        present = self._known.present()
        if present and all(seat.refused for seat in present) and left.count_for([seat.name for seat in present]):
            raise HostError(f"no board can go on; {present[0].name}: {present[0].refused}")
        now_s = time.monotonic()
        awaited = [
            seat for seat in seats if not seat.refused and (seat.gone_s is None or now_s - seat.gone_s < ABSENT_S)
        ]
        if self._sharing is Sharing.REPLICATE:
            if any(not seat.ready and seat.gone_s is None for seat in awaited):
                return True
            return bool(left.count_for([seat.name for seat in awaited]))
        return bool(left.count_for(()))

    def _said_that_none_is_there(self, before: bool) -> bool:
        none = not self._known.present()
        if none and not before:
            self._known.says("No board is there; waiting for one.")
        return none
