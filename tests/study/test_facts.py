from __future__ import annotations

import pytest

from colocate.model.board import BoardState, PowerMode
from colocate.study.facts import differences
from tests.study.test_plan import facts

SLOW, FAST = (BoardState(l4t="36.4", power_mode=mode) for mode in (PowerMode(1, "15W"), PowerMode(0, "MAXN")))


@pytest.mark.parametrize(
    ("own", "theirs", "said"),
    [
        ({"kernel": "5.10"}, {"kernel": "5.15"}, {"kernel": ("5.10", "5.15")}),
        ({"machine_id": "a"}, {"machine_id": "b"}, {}),
        ({"memory_bytes": 1}, {"memory_bytes": 2}, {}),
        ({"gpu_steps_hz": (76_800_000,)}, {}, {"GPU clocks": ("76.8 MHz", "none")}),
        ({"versions": {"driver": "1", "x": "3"}}, {"versions": {"driver": "2", "x": "3"}}, {"driver": ("1", "2")}),
        ({"board": SLOW}, {"board": FAST}, {"power mode": ("1 (15W)", "0 (MAXN)")}),
        ({"cpus": (0, 1)}, {"cpus": (0, 1, 2)}, {"CPUs": ("0-1", "0-2")}),
    ],
)
def test_each_fact_that_differs_is_named(
    own: dict[str, object], theirs: dict[str, object], said: dict[str, tuple[str, str]]
) -> None:
    assert differences(facts(**own), facts(**theirs)) == said


def test_a_board_beside_one_of_which_nothing_is_known() -> None:
    found = differences(facts(board=SLOW), facts())
    assert found["power mode"] == ("1 (15W)", "unknown")
