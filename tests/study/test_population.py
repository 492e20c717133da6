"""What is promised of boards like these."""

from __future__ import annotations

import numpy as np
import pytest

from colocate.model.limits import Limits, Quantity
from colocate.study.evidence import collect
from colocate.study.population import Promise, log_levels, promises
from colocate.study.tolerance import quantile_over_boards
from colocate.study.verdicts import Verdict
from tests.study.fleets import fleet
from tests.study.truth import SPEC

NAMES = "abcdefghij"
P50 = Quantity.SLOWDOWN_P50


def promise(boards: int, limit: float, spread: float = 0.0, **more: float) -> Promise:
    slowdowns = {name: 1 + spread * number for number, name in enumerate(NAMES[:boards])}
    evidence = collect(fleet(dict.fromkeys(NAMES[:boards], 1.0), slowdowns=slowdowns), SPEC)
    (found,) = promises(evidence, Limits(max_slowdown=limit, percentile="p50", **more))
    return found


def test_few_boards_promise_little_where_many_alike_ones_do() -> None:
    assert promise(2, 1.2).verdict is Verdict.UNDECIDED
    assert promise(10, 1.2).verdict is Verdict.SAFE


def test_boards_that_differ_are_not_safe_though_each_of_them_is() -> None:
    found = promise(10, 1.26, spread=0.01)
    assert found.verdict is Verdict.UNDECIDED and found.boards == 10
    assert promise(10, 1.05).verdict is Verdict.UNSAFE


def test_the_quantile_is_that_of_the_means_of_boards() -> None:
    evidence = collect(fleet(dict.fromkeys("abcde", 1.0)), SPEC)
    (each,) = (one for one in evidence if one.colocated)
    levels = log_levels(each, P50)
    (found,) = promises(evidence, Limits(max_slowdown=1.2, percentile="p50"))
    want = quantile_over_boards(np.array([own.mean() for own in levels]), 0.05)
    assert want.hi is not None and found.limited[P50].quantile.hi == pytest.approx(np.exp(want.hi))
    assert found.limited[P50].scatter.boards == 5 and found.limited[P50].scatter.blocks == 15


def test_a_quantity_that_no_board_knows_is_undecided() -> None:
    evidence = collect(fleet(dict.fromkeys(NAMES, 1.0)), SPEC)
    (found,) = promises(evidence, Limits(max_slowdown=1.2, slo_s=1.0, percentile="p99"))
    assert found.verdict in (Verdict.UNDECIDED, Verdict.SAFE)
    bare = [each for each in fleet(dict.fromkeys("ab", 1.0)) if each.trial.inference]
    (of_work,) = promises(collect(bare, SPEC), Limits(max_work_loss=0.5))
    assert of_work.verdict is Verdict.UNDECIDED and Quantity.WORK_LOSS not in of_work.limited


def test_one_machine_promises_nothing_of_others() -> None:
    assert promises(collect(fleet({"a": 1.0}), SPEC), Limits(max_slowdown=1.2)) == ()
