"""What becomes of a block that a board does not bring back. With real boards: test_client.py and test_faults.py."""

from __future__ import annotations

from typing import Any

import pytest

from colocate.model.device import USUAL
from colocate.model.fleet import Sharing
from colocate.model.trial import Failure
from colocate.request.spec import make_spec
from colocate.rigs.registry import make_rig
from colocate.study.plan import plan
from tests.fleet.schedulers import FakeClient

pytest.importorskip("distributed")

from colocate.fleet import hand_out, known_boards
from colocate.fleet.block import BoardLook, Ended, Setup
from colocate.fleet.hand_out import HandOut
from colocate.fleet.known_boards import KnownBoards
from colocate.fleet.seats import BoardSeat

FACTS = make_rig("tx1-model").facts()
_PLANNED = plan(
    make_spec({
        "rig": "tx1-model", "networks": ["alexnet"], "stressors": ["jpeg"], "design": "steady", "repeats": 1,
        "cpu_clocks": ["high"], "gpu_clocks": ["high"],
    }),
    FACTS,
)  # fmt: skip
SETUP = Setup("tx1-model", (), USUAL)
TRIALS = tuple(trial for trial in _PLANNED if trial.block == 0)


def handed_out(gives: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Any], list[str]]:
    """What comes of the trials on two boards, and what was said."""
    for module in (known_boards, hand_out):
        monkeypatch.setattr(module, "POLL_S", 0.0)
    said: list[str] = []

    def introduces(seat: BoardSeat, found: BoardLook) -> None:
        seat.ready = True

    client: Any = FakeClient({"a": "1", "b": "2"}, gives)
    boards = KnownBoards(client, said.append)
    return [*HandOut(boards, Sharing.SPREAD, TRIALS, introduces, FACTS, SETUP).outcomes(TRIALS, {})], said


def test_a_block_that_no_board_brings_back_fails_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    def gives(name: str, *_: object) -> object:
        return BoardLook("1", FACTS) if name == "look" else OSError("the cable was pulled")

    outcomes, said = handed_out(gives, monkeypatch)
    assert [outcome.trial for outcome in outcomes if isinstance(outcome, Failure)] == [*TRIALS]
    assert outcomes[0].message == "boards were lost while they ran its block: the cable was pulled"
    again, why = "its block is run again", "the cable was pulled"
    ends = (again, again, "a block failed for good")
    assert [line.partition(": ")[2] for line in said] == [f"{end}: {why}" for end in ends]


def test_a_block_of_a_board_that_cannot_go_on_is_run_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[Any, ...]] = []

    def gives(name: str, setup: object, trials: tuple[Any, ...]) -> object:
        if name == "look":
            return BoardLook("1", FACTS)
        ran.append(trials)
        failures = tuple(Failure(trial, "it failed") for trial in trials)
        return Ended((), FACTS, "the GPU fell off the bus") if len(ran) == 1 else Ended(failures, FACTS)

    outcomes, said = handed_out(gives, monkeypatch)
    assert len(outcomes) == len(TRIALS) and ran == [TRIALS, TRIALS]
    assert said == ["Board a is not used: the GPU fell off the bus"] and outcomes[0].board.name == "b"
