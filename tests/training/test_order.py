"""Which images are in a batch."""

from __future__ import annotations

import itertools

import pytest

from colocate.training.order import Order


def batches(order: Order, steps: int) -> list[list[int]]:
    return list(itertools.islice(order, steps))


def test_an_epoch_has_every_image_once_and_leaves_out_what_makes_no_batch() -> None:
    order = Order(images=10, batch=4, seed=0)
    assert order.steps == 2
    first, second, third = batches(order, 3)
    assert len({*first, *second}) == 8 and {*first, *second} <= set(range(10))
    # The next epoch is shuffled anew.
    assert third != first and len(set(third)) == 4


@pytest.mark.parametrize("ranks", [2, 4])
def test_ranks_share_the_batch_that_one_would_have(ranks: int) -> None:
    whole = batches(Order(100, 8, seed=3), 20)
    shares = [batches(Order(100, 8, seed=3, rank=rank, ranks=ranks), 20) for rank in range(ranks)]
    for step, batch in enumerate(whole):
        assert sorted(itertools.chain.from_iterable(share[step] for share in shares)) == sorted(batch)
        assert {len(share[step]) for share in shares} == {8 // ranks}


def test_seeds_differ_and_the_same_seed_does_not() -> None:
    assert batches(Order(100, 8, 0), 3) == batches(Order(100, 8, 0), 3) != batches(Order(100, 8, 1), 3)
