from __future__ import annotations

import random

from colocate.fleet.blocks_left import MOST_LOSSES, Block, BlocksLeft, blocks_of, one_of_each
from colocate.model.fleet import Sharing
from tests.store.test_run_file import TRIALS

BLOCKS = blocks_of(TRIALS)


def test_a_block_is_whole_and_in_order() -> None:
    assert [trial for block in BLOCKS for trial in block] == [*TRIALS]
    assert all(len({trial.block for trial in block}) == 1 for block in BLOCKS)


def test_boards_share_the_blocks_in_the_order_of_the_plan() -> None:
    work = BlocksLeft(TRIALS, {}, Sharing.SPREAD)
    taken = [work.take(name) for name in "abcabc"]
    assert taken == BLOCKS[:6] and work.count_for(()) == len(BLOCKS) - 6


def test_every_board_gets_every_block_of_a_replicated_study() -> None:
    work = BlocksLeft(TRIALS, {"a": {TRIALS[0].trial_id}}, Sharing.REPLICATE)
    of_a = [block for _ in BLOCKS if (block := work.take("a"))]
    of_b = [block for _ in BLOCKS if (block := work.take("b"))]
    assert of_b == BLOCKS and work.take("a") is None
    assert [trial for block in of_a for trial in block] == [*TRIALS[1:]]
    assert work.count_for(["c"]) == len(BLOCKS), "one that joins late starts from the beginning"


def test_a_block_that_is_given_back_is_next() -> None:
    work = BlocksLeft(TRIALS, {}, Sharing.SPREAD)
    first = work.take("a")
    assert first is not None and work.give_back("a", first, lost=True)
    assert work.take("b") == first


def test_a_block_that_loses_boards_again_and_again_is_given_up() -> None:
    work = BlocksLeft(TRIALS, {}, Sharing.SPREAD)
    kept = []
    for name in "abcdef"[:MOST_LOSSES]:
        block = work.take(name)
        assert block == BLOCKS[0]
        kept.append(work.give_back(name, block, lost=True))
    assert kept == [True] * (MOST_LOSSES - 1) + [False]
    assert work.take("g") == BLOCKS[1]


def test_a_board_that_cannot_run_a_block_is_no_loss_of_the_blocks() -> None:
    work = BlocksLeft(TRIALS, {}, Sharing.SPREAD)
    for _ in range(2 * MOST_LOSSES):
        block = work.take("a")
        assert block is not None and work.give_back("a", block, lost=False)


def test_whatever_befalls_boards_every_block_ends_once() -> None:
    for seed in range(50):
        rng = random.Random(seed)
        work, ended, under_way = BlocksLeft(TRIALS, {}, Sharing.SPREAD), [], dict[str, Block]()
        while work.count_for(()) or under_way:
            name = rng.choice("abcd")
            if (block := under_way.pop(name, None)) is None:
                if (taken := work.take(name)) is not None:
                    under_way[name] = taken
            elif rng.random() < 0.2:
                if not work.give_back(name, block, lost=True):
                    ended.append(block)
            else:
                ended.append(block)
        assert sorted(block[0].block for block in ended) == list(range(len(BLOCKS)))


def test_one_trial_of_each_kind_is_enough_to_ask_about() -> None:
    kinds = list(one_of_each(TRIALS))
    assert 0 < len(kinds) < len(TRIALS)
    assert {(t.inference, t.task) for t in kinds} == {(t.inference, t.task) for t in TRIALS}
