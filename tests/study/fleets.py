"""Records of several boards: the windows of `measured`, by boards that are so many times as slow as each other."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from colocate.model.fleet import Board
from colocate.model.trial import TrialRecord
from tests.study.measured import measured
from tests.study.test_plan import facts


def board(name: str, **changes: Any) -> Board:
    return Board(name, facts(machine_id=name, **changes))


def fleet(
    ratios: Mapping[str, float], repeats: int = 3, slowdowns: Mapping[str, float] | None = None, **changes: Any
) -> list[TrialRecord]:
    """What each board shows of the same trials: latencies times its ratio, beside the task times its own slowdown,
    too. `changes` are of every board's facts.
    """
    found = []
    for seed, (name, ratio) in enumerate(ratios.items()):
        beside = (slowdowns or {}).get(name, 1.0)
        for record in measured(repeats, seed=seed):
            times = ratio * (beside if record.trial.task and record.trial.inference else 1.0)
            found.append(
                dataclasses.replace(record, latencies_s=record.latencies_s * times, board=board(name, **changes))
            )
    return found


def spread(records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Those of a study in which boards took the blocks in turn."""
    names = sorted({each.board.name for each in records if each.board})
    return [each for each in records if each.board and each.board.name == names[each.trial.block % len(names)]]
