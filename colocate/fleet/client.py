"""A fleet as the site of a study: what its boards are, and whether the study means the same on all of them.

`hand_out` hands out the blocks. Dask transports them and knows which boards are there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from distributed import Client

from colocate.errors import ColocateError, HostError, SpecError
from colocate.fleet import board as on_board
from colocate.fleet.block import BoardLook, Setup
from colocate.fleet.blocks_left import one_of_each
from colocate.fleet.hand_out import HandOut
from colocate.fleet.known_boards import KnownBoards
from colocate.fleet.seats import BoardSeat, line_of, refuse_version
from colocate.model.fleet import Sharing
from colocate.model.machine import HostFacts
from colocate.model.provenance import Provenance
from colocate.model.request import Inference, SweepSpec
from colocate.model.trial import Trial
from colocate.study.facts import differences
from colocate.study.plan import plan
from colocate.trial_loop import Done, Outcomes, Starts, undone


class Fleet:
    """The boards of a scheduler, as a `Site`. `says` is called with one line for each event of a board.

    A study is planned for the facts of the first board by name, a resumed one for `planned_for`.
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
        self._known = KnownBoards(client, says)
        self._spec, self._facts = spec, planned_for
        self._kinds: list[Trial] = []
        self._planned: tuple[SweepSpec, tuple[str, ...]] | None = None
        self._alike: list[HostFacts] = []
        self._first: BoardLook | None = None

    # ---- before the study

    @property
    def _setup(self) -> Setup:
        return Setup.of(self._spec, () if self._facts is None else self._facts.cpus)

    def facts(self) -> HostFacts:
        """See `Site.facts`. Raises HostError if no board comes within a minute."""
        if self._facts is None:
            self._facts = self._look().facts
        return self._facts

    def check(self, spec: SweepSpec, trials: Sequence[Trial]) -> None:
        """See `Site.check`. The first board is asked now, and each of the others when it comes.

        On each of them the plan must have the same trial ids.
        """
        self._planned = spec, tuple(trial.trial_id for trial in trials)
        self._kinds = list(one_of_each(trials))
        found = self._first = self._look(self._kinds)
        if found.trouble:
            kind = SpecError if found.exit_code == SpecError.exit_code else HostError
            raise kind(found.trouble)

    def networks(self, inferences: Sequence[Inference]) -> Mapping[str, Mapping[str, Any]]:
        """See `Site.networks`. They are those of the first board; every other board must have the same."""
        return self._checked().networks or {}

    def provenance(self) -> Provenance | None:
        """See `Site.provenance`."""
        found: Provenance | None = self._ask_first(on_board.provenance)
        return found

    def _checked(self) -> BoardLook:
        assert self._first is not None, "the trials were checked"
        return self._first

    def _look(self, trials: Sequence[Trial] = ()) -> BoardLook:
        """Ask the first board to describe itself."""
        found: BoardLook = self._ask_first(on_board.look, tuple(trials))
        refuse_version(self._known.first().name, found)
        return found

    def _ask_first(self, function: Callable[..., Any], *arguments: Any) -> Any:
        first = self._known.first()
        try:
            return self._known.submit(first, function, self._setup, *arguments).result()
        except ColocateError:
            raise
        except Exception as error:
            # Dask passes on whatever was raised over there, and adds errors of its own for a board that died.
            raise HostError(f"board {first.name}: {line_of(error)}") from error

    # ---- the study

    @contextlib.contextmanager
    def opened(self, trials: Sequence[Trial]) -> Iterator[None]:
        """See `Site.opened`. Nothing is done: each board prepares and restores itself for every block."""
        yield

    @property
    def machines(self) -> int:
        """See `Site.machines`."""
        self._known.refresh()
        return max(1, len(self._known.present())) if self.sharing is Sharing.REPLICATE else 1

    def missing(self, trials: Sequence[Trial], done: Done) -> tuple[Trial, ...]:
        """See `Site.missing`."""
        if self.sharing is Sharing.SPREAD:
            return undone(trials, done)
        self._known.refresh()
        boards = sorted({*done, *(seat.name for seat in self._known.present())})
        return tuple(t for name in boards for t in undone(trials, {name: done.get(name, frozenset())}))

    def outcomes(self, trials: Sequence[Trial], done: Done, starts: Starts) -> Outcomes:
        """See `Site.outcomes`."""
        return self._hand_out.outcomes(trials, done)

    @functools.cached_property
    def _hand_out(self) -> HandOut:
        """The one hand-out of blocks for all stages of a study, because a board may be at work when a stage ends."""
        return HandOut(self._known, self.sharing, self._kinds, self._introduce, self.facts(), self._setup)

    # ---- whether a board can run it

    def _introduce(self, seat: BoardSeat, found: BoardLook) -> None:
        """Accept a board that can run the study as it is planned; refuse any other, and say why."""
        try:
            refuse_version(seat.name, found)
        except HostError as error:
            self._known.refuse(seat, str(error))
            return
        if found.trouble:
            self._known.refuse(seat, found.trouble)
        elif found.networks != self._checked().networks:
            self._known.refuse(seat, "its network files differ from those of the study: copy them anew")
        elif why := self._unfit(found.facts):
            self._known.refuse(seat, why)
        else:
            seat.ready = True

    def _unfit(self, facts: HostFacts) -> str:
        """Why the study cannot run on a machine with these facts, or means other trials there; empty if it fits."""
        own = self.facts().cpus
        # Parts of one server have CPUs of different numbers; only how many there are must agree.
        alike = dataclasses.replace(facts, machine_id="", cpus=own if len(own) == len(facts.cpus) else facts.cpus)
        if alike in self._alike:
            return ""
        assert self._planned is not None, "the trials were checked"
        spec, ids = self._planned
        try:
            same = tuple(trial.trial_id for trial in plan(spec, alike)) == ids
        except ColocateError as error:
            return error.words
        if same and (facts.pausing or not spec.alternating):
            self._alike.append(alike)
            return ""
        apart = differences(facts, self.facts())
        said = "; ".join(f"{name} {own}, not {theirs}" for name, (own, theirs) in apart.items())
        return f"the study means other trials there: {said or 'the machine differs'}"
