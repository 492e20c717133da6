from __future__ import annotations

import dataclasses

import pytest

from colocate.errors import SpecError
from colocate.rigs.tx1.constants import Constants, assuming, described


def test_every_constant_says_its_unit_and_where_it_is_from() -> None:
    table = list(described(dataclasses.replace(Constants(), contention=2.0)))
    assert [each.name for each in table] == [entry.name for entry in dataclasses.fields(Constants)]
    assert all(each.unit and each.source and each.kind in ("read", "fitted", "assumed") for each in table)
    assert ("contention", 2.0) in [(each.name, each.value) for each in table]
    assert sum(each.kind == "fitted" for each in table) <= 15


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"contenton": 2.0}, "did you mean 'contention'"),
        ({"kernel_s": 1e-5}, "'kernel_s' cannot be set"),
        ({"contention": -1.0}, "from 0 to 10, not -1"),
        ({"contention": 11.0}, "from 0 to 10, not 11"),
        ({"norm_launches": 11.5}, "norm_launches is a whole number of kernels"),
        ({"inferences_min": 1.5}, "inferences_min is a whole number of inferences"),
        ({"tile": 0.0}, "tile is a number from 1"),
        ({"tail_share": float("nan")}, "tail_share"),
    ],
)
def test_only_what_is_assumed_can_be_set_and_within_reason(model: dict[str, float], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        assuming(model)


def test_what_is_set_takes_the_place_of_what_was_assumed_and_of_nothing_else() -> None:
    assert assuming({"contention": 2.0, "tile": 32.0}) == dataclasses.replace(Constants(), contention=2.0, tile=32.0)
    assert assuming({}) == Constants()
