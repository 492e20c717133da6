from __future__ import annotations

import dataclasses
from pathlib import Path

from colocate.model.fleet import Sharing
from colocate.report.fleet.load import FleetReport, load_fleet
from colocate.report.fleet.words import fleet_lines, spread_text
from tests.report.fleet.runs import loaded
from tests.study.fleets import board, fleet, spread

ALIKE = dict.fromkeys("abcdef", 1.0)


def report(ratios: dict[str, float], **more: object) -> FleetReport:
    found = load_fleet(loaded(Path("run"), ratios, **more))  # type: ignore[arg-type]
    assert found is not None
    return found


def test_who_ran_what_and_how_far_they_differ() -> None:
    first, second, *_ = fleet_lines(report(ALIKE), 0.95)
    assert first == "6 boards, every block on each of them: a, b, c, d, e, f."
    assert second.startswith("Latency varies by ") and "from board to board and by " in second and "%" in second


def test_an_odd_board_is_named_with_what_sets_it_apart() -> None:
    records = [
        dataclasses.replace(each, board=board("c", kernel="5.10")) if each.board and each.board.name == "c" else each
        for each in fleet({**ALIKE, "c": 2.0})
    ]
    (line,) = [each for each in fleet_lines(report({}, records=records), None) if "odd" in each]
    assert line.startswith("Board c is odd: latencies are ") and line.endswith("it differs in: kernel 5.10, not k.")
    (bare,) = [each for each in fleet_lines(report({**ALIKE, "c": 2.0}), None) if "odd" in each]
    assert bare.endswith("no fact that is known of it differs.")


def test_few_boards_are_said_to_be_few() -> None:
    assert "2 boards are too few to call one odd: that takes 5." in fleet_lines(report({"a": 1.0, "b": 1.0}), None)


def test_the_promise_is_said_with_its_confidence() -> None:
    last = fleet_lines(report(dict.fromkeys("abcdefghij", 1.0)), 0.95)[-1]
    assert last == (
        "Verdicts are on these 10 boards: SAFE on each of them, or UNSAFE on one. Of boards like these, 1 of 1 "
        "cell is SAFE on at least 95 %, with 95 % confidence (0 UNSAFE, 0 UNDECIDED)."
    )


def test_boards_that_shared_the_blocks_are_sent_to_replicate() -> None:
    shared = spread(fleet({"a": 1.0, "b": 1.0}, 4))
    lines = fleet_lines(report({}, sharing=Sharing.SPREAD, records=shared), 0.95)
    assert lines[0].startswith("2 boards, each block on one of them") and "--replicate tells" in lines[-1]


def test_a_variance_of_logarithms_is_a_share() -> None:
    assert spread_text(0.01**2) == "1 %" and spread_text(0.0) == "0 %"
