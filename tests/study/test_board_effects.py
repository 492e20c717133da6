"""How fast each board is beside the others, and which one is odd."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from colocate.model.request import ClockPoint
from colocate.model.trial import TrialRecord
from colocate.study.board_effects import effects
from tests.study.fleets import board, fleet, spread

ALIKE = dict.fromkeys("abcdef", 1.0)


def with_board(records: list[TrialRecord], name: str, **changes: object) -> list[TrialRecord]:
    return [
        dataclasses.replace(each, board=board(name, **changes)) if each.board and each.board.name == name else each
        for each in records
    ]


def test_the_ratio_of_a_board_is_found_in_every_setting() -> None:
    found = effects(fleet({**ALIKE, "d": 1.5}, repeats=6))
    assert found is not None
    ratios = {each.board.name: each.ratio for each in found.boards}
    assert ratios.pop("d") == pytest.approx(1.5, rel=0.15)
    assert all(ratio == pytest.approx(1.0, rel=0.1) for ratio in ratios.values())
    assert [each.board.name for each in found.odd] == ["d"]
    assert {each.blocks for each in found.boards} == {6}
    assert found.scatter.between is not None and found.scatter.between_share is not None


def test_alike_boards_are_not_odd() -> None:
    found = effects(fleet(ALIKE, repeats=6))
    assert found is not None and not found.odd


def test_an_odd_board_is_named_with_the_facts_in_which_it_differs() -> None:
    records = with_board(fleet({**ALIKE, "d": 2.0}), "d", kernel="5.10")
    hot = [
        dataclasses.replace(
            each,
            temperature_c=80.0 if each.board.name == "d" else 50.0,
            gpu_hz_seen=500_000_000 if each.board.name == "d" else 900_000_000,
        )
        for each in records
        if each.board
    ]
    found = effects(hot)
    assert found is not None
    (odd,) = found.odd
    assert odd.apart == {
        "kernel": ("5.10", "k"), "temperature": ("80 °C", "50 °C"), "GPU clock seen": ("500 MHz", "900 MHz"),
    }  # fmt: skip
    assert odd.temperature_c == 80.0


def test_boards_that_share_the_blocks_are_compared_in_the_settings_they_share() -> None:
    records = fleet({**ALIKE, "d": 2.0}, repeats=12)
    shared = [each for each in records if each.board and each.trial.block % 6 == "abcdef".index(each.board.name)]
    assert len({each.trial.trial_id for each in shared}) == len(shared)
    found = effects(shared)
    assert found is not None and [each.board.name for each in found.odd] == ["d"]


def test_clocks_are_compared_in_the_settings_that_two_boards_share() -> None:
    """Where blocks are spread a board may have most of those at the low clock, which is no fact of its own."""
    low, high = ClockPoint(None, 500_000_000), ClockPoint(None, 900_000_000)
    records = [
        dataclasses.replace(
            each,
            trial=dataclasses.replace(each.trial, clocks=clocks),
            gpu_hz_seen=clocks.gpu_hz,
        )
        for each in fleet({"a": 1.0, "b": 1.0}, repeats=8)
        if each.board
        for clocks in (low if each.trial.block % 4 == (each.board.name == "a") else high,)
        if each.board.name == "a" or each.trial.block % 2
    ]
    found = effects(records)
    assert found is not None and not any("GPU clock seen" in each.apart for each in found.boards)


@pytest.mark.parametrize("ratios", [{}, {"a": 1.0}])
def test_one_board_is_beside_none(ratios: dict[str, float]) -> None:
    assert effects(fleet(ratios)) is None


def test_few_boards_are_too_few_to_call_one_odd() -> None:
    found = effects(fleet({"a": 1.0, "b": 1.0, "c": 9.0}))
    assert found is not None and not found.odd and all(each.score != each.score for each in found.boards)


def test_what_chance_adds_to_a_block_is_no_boards_doing() -> None:
    """Two alike boards take the blocks in turn; blocks differ by 2 %, and all windows of one by the same."""
    noise = np.exp(0.02 * np.random.default_rng(5).standard_normal(60))
    shared = [
        dataclasses.replace(each, latencies_s=np.full(50, 0.01 * noise[each.trial.block]))
        for each in spread(fleet({"a": 1.0, "b": 1.0}, repeats=60))
        if each.trial.inference
    ]
    found = effects(shared)
    assert found is not None and found.scatter.blocks == 60
    assert found.scatter.inside == pytest.approx(0.02**2, rel=0.4)
    assert found.scatter.between_share is not None and found.scatter.between_share < 0.1
