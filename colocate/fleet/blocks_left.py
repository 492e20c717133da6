"""Keep a list of the blocks that boards have still to run, without any connection to boards."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from colocate.model.fleet import Sharing
from colocate.model.trial import Trial
from colocate.trial_loop import Done, undone

Block = tuple[Trial, ...]
"""The missing trials of one block, in the order of the plan."""

# If so many boards were lost with one block, the fault is taken to be the block's.
MOST_LOSSES = 3


def blocks_of(trials: Sequence[Trial]) -> list[Block]:
    """Split `trials`, which are in the order of the plan, into blocks."""
    return [tuple(own) for _, own in itertools.groupby(trials, lambda trial: trial.block)]


class BlocksLeft:
    """The blocks that are left: one list for all boards, or in a replicated study one for each board.

    A board takes a block. The block then either ends or is given back.
    """

    def __init__(self, trials: Sequence[Trial], done: Done, sharing: Sharing) -> None:
        self._trials, self._done, self._sharing = trials, done, sharing
        # The first block of a list is next. A replicated study has a list for each board that was seen.
        self._left: dict[str, list[Block]] = {}
        self._losses: defaultdict[tuple[str, int], int] = defaultdict(int)
        if sharing is Sharing.SPREAD:
            self._left[""] = blocks_of(undone(trials, done))

    def take(self, board: str) -> Block | None:
        """Remove the next block for `board` and return it; None if none is left."""
        left = self._of(board)
        return left.pop(0) if left else None

    def give_back(self, board: str, block: Block, *, lost: bool) -> bool:
        """Give back a block that did not end on `board`; `lost` says that the board was lost with it.

        Returns False, and drops the block, if too many boards were lost with it.
        """
        key = self._key(board), block[0].block
        self._losses[key] += lost
        if self._losses[key] >= MOST_LOSSES:
            return False
        self._of(board).insert(0, block)
        return True

    def count_for(self, boards: Collection[str]) -> int:
        """How many blocks are left for these boards to take."""
        if self._sharing is Sharing.SPREAD:
            return len(self._left[""])
        return sum(len(self._of(board)) for board in boards)

    def _key(self, board: str) -> str:
        return board if self._sharing is Sharing.REPLICATE else ""

    def _of(self, board: str) -> list[Block]:
        key = self._key(board)
        if key not in self._left:
            own = {board: self._done.get(board, frozenset[str]())}
            self._left[key] = blocks_of(undone(self._trials, own))
        return self._left[key]


def one_of_each(trials: Sequence[Trial]) -> Iterator[Trial]:
    """Yield one trial of each kind. A board needs no more to say whether it can run them all."""
    seen = set()
    for trial in trials:
        kind = trial.inference, trial.task, trial.placement, trial.clocks, trial.alternating
        if kind not in seen:
            seen.add(kind)
            yield trial
