"""A fleet as the site of a study: each board has one block at a time, and what it gives comes back whole.

The client hands out the blocks, so that the order of the plan is kept, a board that joins late is used at once, and
the scheduler holds one task per board. Dask moves them, knows which boards are there, and shows both.
"""

from __future__ import annotations

import contextlib
import dataclasses
import queue
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from distributed import Client, Future

from colocate.errors import ColocateError, HostError, SpecError
from colocate.fleet import board as on_board
from colocate.fleet.block import BoardLook, Setup
from colocate.fleet.blocks_left import Block, BlocksLeft, one_of_each
from colocate.fleet.seats import BoardSeat, line_of, refuse_version, signed
from colocate.model.fleet import Board, Sharing
from colocate.model.machine import HostFacts
from colocate.model.provenance import Provenance
from colocate.model.request import Inference, SweepSpec
from colocate.model.trial import Failure, Outcome, Trial
from colocate.study.facts import differences
from colocate.study.plan import plan
from colocate.trial_loop import Done, Starts, undone

# How often boards that came and went are looked for.
POLL_S = 0.5
# How long a study waits for a first board, and one that is replicated for a board that went away.
FIRST_S, ABSENT_S = 60.0, 600.0


class Fleet:
    """The boards behind a scheduler, as a `Site`. `says` hears one line of whatever happens to one of them.

    A study is planned for the facts of the first board that is found, or when it is resumed for those `planned_for`.
    """

    def __init__(
        self,
        client: Client,
        spec: SweepSpec,
        sharing: Sharing,
        says: Callable[[str], None],
        planned_for: HostFacts | None = None,
    ) -> None:
        self.sharing = sharing
        self._client, self._says, self._spec = client, says, spec
        self._facts = planned_for
        self._seats: dict[str, BoardSeat] = {}
        self._addresses: frozenset[str] = frozenset()
        self._looked_s = -POLL_S
        self._ended: queue.SimpleQueue[tuple[str, Future]] = queue.SimpleQueue()
        self._kinds: list[Trial] = []
        self._planned: tuple[SweepSpec, tuple[str, ...]] | None = None
        self._alike: list[HostFacts] = []
        self._first: BoardLook | None = None

    # ---- before the study

    @property
    def _setup(self) -> Setup:
        return Setup.of(self._spec, () if self._facts is None else self._facts.cpus)

    def facts(self) -> HostFacts:
        """See `Site.facts`. Raises HostError where no board comes within a minute."""
        if self._facts is None:
            self._facts = self._look().facts
        return self._facts

    def check(self, spec: SweepSpec, trials: Sequence[Trial]) -> None:
        """See `Site.check`: by the first board; each of the others is asked when it is found, and must mean the same
        trials to the last id.
        """
        self._planned = spec, tuple(trial.trial_id for trial in trials)
        self._kinds = list(one_of_each(trials))
        found = self._first = self._look(self._kinds)
        if found.trouble:
            kind = SpecError if found.exit_code == SpecError.exit_code else HostError
            raise kind(found.trouble)

    def networks(self, inferences: Sequence[Inference]) -> Mapping[str, Mapping[str, Any]]:
        """See `Site.networks`: those of the first board, which every other must have too."""
        return self._checked().networks or {}

    def provenance(self) -> Provenance | None:
        """See `Site.provenance`."""
        found: Provenance | None = self._ask_first(on_board.provenance)
        return found

    def _checked(self) -> BoardLook:
        assert self._first is not None, "the trials were checked"
        return self._first

    def _look(self, trials: Sequence[Trial] = ()) -> BoardLook:
        """What the first board says of itself."""
        found: BoardLook = self._ask_first(on_board.look, tuple(trials))
        refuse_version(self._first_seat().name, found)
        return found

    def _ask_first(self, function: Callable[..., Any], *arguments: Any) -> Any:
        first = self._first_seat()
        future = self._client.submit(
            function, self._setup, *arguments, workers=[first.address], pure=False, resources={on_board.RESOURCE: 1}
        )
        try:
            return future.result()
        except ColocateError:
            raise
        except Exception as error:
            raise HostError(f"board {first.name}: {line_of(error)}") from error

    def _first_seat(self) -> BoardSeat:
        """The first board by name, once there is one."""
        until_s = time.monotonic() + FIRST_S
        while not self._present():
            self._refresh()
            if not self._present():
                if time.monotonic() > until_s:
                    raise HostError(
                        f"no board serves {self._client.scheduler.address}: start one on each with `python -m "
                        f"colocate board ADDRESS`"
                    )
                time.sleep(POLL_S)
        return min(self._present(), key=lambda seat: seat.name)

    # ---- the study

    @contextlib.contextmanager
    def opened(self, trials: Sequence[Trial]) -> Iterator[None]:
        """See `Site.opened`. Each board holds itself, block by block."""
        yield

    @property
    def machines(self) -> int:
        """See `Site.machines`."""
        self._refresh()
        return max(1, len(self._present())) if self.sharing is Sharing.REPLICATE else 1

    def missing(self, trials: Sequence[Trial], done: Done) -> tuple[Trial, ...]:
        """See `Site.missing`."""
        if self.sharing is Sharing.SPREAD:
            return undone(trials, done)
        self._refresh()
        boards = sorted({*done, *(seat.name for seat in self._present())})
        return tuple(t for name in boards for t in undone(trials, {name: done.get(name, frozenset())}))

    def outcomes(self, trials: Sequence[Trial], done: Done, starts: Starts) -> Iterator[Outcome]:
        """See `Site.outcomes`. Raises HostError where the scheduler goes away, or the last board cannot go on."""
        left = BlocksLeft(trials, done, self.sharing)
        waiting = False
        while True:
            self._refresh()
            yield from self._lost(left)
            self._hand_out(left)
            if not self._unfinished(left):
                break
            waiting = self._said_that_none_is_there(waiting)
            for name, future in self._arrived():
                yield from self._received(self._seats[name], future, left)
        for seat in self._seats.values() if self.sharing is Sharing.REPLICATE else ():
            if not seat.refused and (blocks := left.count_for([seat.name])):
                self._says(
                    f"Board {seat.name} is away with {blocks} blocks left; --resume runs them once it is back."
                )

    def _arrived(self) -> Iterator[tuple[str, Future]]:
        """What boards gave since, waiting for the first for a moment."""
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
            if not block and seat.at in self._addresses:
                # It is there and cannot even look at itself: it has no colocate, or another Python.
                self._refuse(seat, line_of(error))
            else:
                yield from self._unanswered(seat, block, left, line_of(error))
            return
        finally:
            future.release()
        if isinstance(answer, BoardLook):
            self._introduce(seat, answer)
        elif answer.trouble:
            self._refuse(seat, answer.trouble)
            left.give_back(seat.name, block, lost=False)
        else:
            yield from signed(seat.name, answer)

    def _unanswered(self, seat: BoardSeat, block: Block, left: BlocksLeft, why: str) -> Iterator[Outcome]:
        """A board gave nothing: it died, or its process did."""
        seat.ready = False
        if block and not left.give_back(seat.name, block, lost=True):
            self._says(f"Board {seat.name}: a block failed for good: {why}")
            board = None if self._facts is None else Board(seat.name, self._facts)
            yield from (Failure(trial, f"boards were lost while they ran its block: {why}", board) for trial in block)
        elif block:
            self._says(f"Board {seat.name}: its block is run again: {why}")

    def _lost(self, left: BlocksLeft) -> Iterator[Outcome]:
        """Boards that are not there any more, with a block under way."""
        for seat in self._seats.values():
            if seat.future is not None and seat.at not in self._addresses:
                future, block, seat.future, seat.block = seat.future, seat.block, None, ()
                future.cancel()
                yield from self._unanswered(seat, block, left, "it is gone")

    def _hand_out(self, left: BlocksLeft) -> None:
        for seat in self._present():
            if seat.future is not None or seat.refused:
                continue
            if not seat.ready:
                self._submit(seat, on_board.look, tuple(self._kinds))
            elif (block := left.take(seat.name)) is not None:
                self._submit(seat, on_board.run_block, block)
                seat.block = block

    def _submit(self, seat: BoardSeat, function: Callable[..., Any], trials: Block) -> None:
        future = self._client.submit(
            function, self._setup, trials, workers=[seat.address], resources={on_board.RESOURCE: 1}, pure=False
        )
        seat.future, seat.at = future, seat.address
        future.add_done_callback(lambda ended, name=seat.name: self._ended.put((name, ended)))

    def _unfinished(self, left: BlocksLeft) -> bool:
        """Whether anything is under way, or left for a board that is there or may come back."""
        if any(seat.block for seat in self._seats.values()):
            return True
        now_s = time.monotonic()
        awaited = [
            seat for seat in self._seats.values()
            if not seat.refused and (seat.gone_s is None or now_s - seat.gone_s < ABSENT_S)
        ]  # fmt: skip
        if self.sharing is Sharing.REPLICATE:
            if any(not seat.ready and seat.gone_s is None for seat in awaited):
                return True
            return bool(left.count_for([seat.name for seat in awaited]))
        blocks = left.count_for(())
        present = self._present()
        if blocks and present and all(seat.refused for seat in present):
            raise HostError(f"no board can go on; {present[0].name}: {present[0].refused}")
        return bool(blocks)

    def _said_that_none_is_there(self, before: bool) -> bool:
        none = not self._present()
        if none and not before:
            self._says("No board is there; waiting for one.")
        return none

    # ---- boards that come and go

    def _present(self) -> list[BoardSeat]:
        return [seat for seat in self._seats.values() if seat.gone_s is None]

    def _refresh(self) -> None:
        """Find out which boards the scheduler knows now, if that was not just done."""
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
        for name in [*self._seats, *found]:
            self._note(name, found.get(name))

    def _note(self, name: str, address: str | None) -> None:
        seat = self._seats.setdefault(name, BoardSeat(name))
        if address is None:
            if seat.gone_s is None:
                seat.gone_s = time.monotonic()
                self._says(f"Board {name} is gone.")
        elif address != seat.address:
            # Started anew, maybe with another kernel or in another mode.
            seat.address, seat.gone_s, seat.ready, seat.refused = address, None, False, ""

    def _introduce(self, seat: BoardSeat, found: BoardLook) -> None:
        """Take a board that can run the study as it is planned; name what keeps another from it."""
        try:
            refuse_version(seat.name, found)
        except HostError as error:
            self._refuse(seat, str(error))
            return
        if found.trouble:
            self._refuse(seat, found.trouble)
        elif found.networks != self._checked().networks:
            self._refuse(seat, "its network files differ from those of the study: copy them anew")
        elif not self._fits(found.facts):
            apart = differences(found.facts, self.facts())
            said = "; ".join(f"{name} {own}, not {theirs}" for name, (own, theirs) in apart.items())
            self._refuse(seat, f"the study means other trials there: {said or 'the machine differs'}")
        else:
            seat.ready = True

    def _refuse(self, seat: BoardSeat, why: str) -> None:
        seat.refused = why
        self._says(f"Board {seat.name} is not used: {why}")

    def _fits(self, facts: HostFacts) -> bool:
        """Whether the study is the same on a machine with these facts."""
        own = self.facts().cpus
        # A part of a server has its fellows' CPUs under other numbers.
        alike = dataclasses.replace(facts, machine_id="", cpus=own if len(own) == len(facts.cpus) else facts.cpus)
        if alike in self._alike:
            return True
        assert self._planned is not None, "the trials were checked"
        spec, ids = self._planned
        try:
            fits = tuple(trial.trial_id for trial in plan(spec, alike)) == ids
            fits = fits and (bool(facts.pausing) or not spec.alternating)
        except ColocateError:
            return False
        if fits:
            self._alike.append(alike)
        return fits
