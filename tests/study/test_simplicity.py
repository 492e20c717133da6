"""Which setting is the simplest of those that are worth about as much."""

from __future__ import annotations

import dataclasses

from colocate.model.containment import parse_containment
from colocate.study.simplicity import complexity, simplest
from tests.study.tables import cell

FREE = cell("alexnet", 1, "jpeg")
IDLE = dataclasses.replace(FREE, containment=parse_containment("idle"))
SHARED = dataclasses.replace(FREE, placement="shared")


def test_no_containment_is_simpler_than_any_and_then_isolated_than_shared() -> None:
    assert complexity(FREE) < complexity(SHARED) < complexity(IDLE)


def test_the_simplest_is_taken_unless_it_is_worth_much_less() -> None:
    assert simplest([IDLE, FREE], [1.0, 0.96]) == 1
    assert simplest([IDLE, FREE], [1.0, 0.94]) == 0
    assert simplest([IDLE, FREE], [None, None]) == 1
    assert simplest([IDLE, FREE], [0.1, None]) == 0, "what is not known is less than what is"


def test_of_equally_simple_ones_the_best_is_taken() -> None:
    assert simplest([FREE, FREE], [0.98, 1.0]) == 1
