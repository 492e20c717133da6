"""What runs are damaged with."""

from __future__ import annotations

import random

import pytest

from tests.fuzz import runs


@pytest.mark.parametrize("value", [10**400, -(10**400), 7, 0.5])
def test_every_number_has_others_in_its_place(value: float) -> None:
    """Also one that no float can hold."""
    random_ = random.Random(0)
    found = [runs._alike(random_, value, {}) for _ in range(100)]
    assert {0, 1, 2, 9999, -value, value + 1, value - 1, 10 * value} <= {*found}
