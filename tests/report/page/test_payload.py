"""What the scripts are given: JSON that any reader takes, and marks where there may be no effect."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from colocate.model.cell import Interval
from colocate.model.limits import Quantity
from colocate.report.page.payload import LEVELS, VIEWS, payload, span_words
from colocate.report.page.render import CONFIDENCE
from colocate.report.text.numbers import ratio_text
from colocate.study.bounds import bounds
from tests.report.page.runs import Shown, a_run, loaded


def payload_of(folder: Path, **changes: Any) -> Any:
    """The payload of a small run, as a script reads it."""
    run = loaded(folder, *a_run(**changes))
    found = payload("run", run.evidence, bounds(run.evidence, CONFIDENCE), run.records, None)
    return json.loads(json.dumps(found, allow_nan=False))


def test_a_value_is_marked_where_its_bounds_include_no_effect_and_coloured_where_they_do_not(tx1: Shown) -> None:
    judged = {id(each.evidence): each for each in bounds(tx1.evidence, CONFIDENCE)}
    found = payload("run", tx1.evidence, list(judged.values()), tx1.run.records, None)
    marked = 0
    for evidence, cell in zip(tx1.evidence, found["cells"], strict=True):
        for view in VIEWS:
            shown = cell["shown"].get(view.key)
            if shown is None or view.quantity is None or view.scale.origin is None:
                assert shown is None or (shown["mark"] == "" and shown["significant"])
                continue
            interval = judged[id(evidence)].estimates[view.quantity].interval
            assert shown["significant"] == interval.excludes(view.scale.origin)
            assert shown["mark"] == ("" if shown["significant"] or interval.lo is None else "n.s.")
            marked += shown["mark"] == "n.s."
    assert marked > 0


def test_one_block_gives_values_without_bounds_or_marks(tmp_path: Path) -> None:
    alone, beside = payload_of(tmp_path, repeats=1)["cells"]
    assert (alone["judged"], beside["judged"]) == (False, True)
    shown = beside["shown"]["slowdown_p50"]
    assert float(shown["words"]) == pytest.approx(shown["value"], abs=0.0005) and shown["span"] == "no interval"
    assert (shown["mark"], shown["significant"]) == ("", False)
    assert beside["bounds"]["slowdown_p50"][1:] == [None, None]
    assert "slowdown_p50" in beside["short"]


def test_what_is_absent_says_why_and_has_no_bounds(tmp_path: Path) -> None:
    _, beside = payload_of(tmp_path)["cells"]
    assert beside["absent"]["power_w"] == "the power of the board was not metered"
    assert beside["power_w"] is None and "power_w" not in beside["bounds"] and "power_w" not in beside["shown"]
    assert set(beside["bounds"]) | set(beside["absent"]) == {quantity.value for quantity in Quantity}


def test_a_curve_has_a_latency_for_each_level_in_ms(tmp_path: Path) -> None:
    found = payload_of(tmp_path)
    assert found["levels"] == list(LEVELS)
    alone, beside = (cell["curve_ms"] for cell in found["cells"])
    assert len(alone) == len(beside) == len(LEVELS) and alone == sorted(alone)
    median = LEVELS.index(0.5)
    assert alone[median] == pytest.approx(10, rel=0.02) and beside[median] == pytest.approx(11, rel=0.02)


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        (Interval(1.1, 1.09, 1.17), "[1.09,\N{NO-BREAK SPACE}1.17]"),
        (Interval(1.1, 1.09, None), "≥\N{NO-BREAK SPACE}1.09"),
        (Interval(1.1, None, 1.17), "≤\N{NO-BREAK SPACE}1.17"),
        (Interval(1.1, None, None), ""),
    ],
)
def test_bounds_in_words_have_as_many_ends_as_are_known(interval: Interval, words: str) -> None:
    assert span_words(interval, ratio_text) == words


def test_the_page_compares_bounds_to_the_last_digit(tmp_path: Path) -> None:
    run = loaded(tmp_path, *a_run())
    judged = bounds(run.evidence, CONFIDENCE)
    found = json.loads(json.dumps(payload("run", run.evidence, judged, run.records, None)))
    for quantity, estimate in judged[0].estimates.items():
        interval = estimate.interval
        assert math.isfinite(interval.value)
        assert found["cells"][1]["bounds"][quantity.value] == [interval.value, interval.lo, interval.hi]


@pytest.mark.parametrize(
    ("quantity", "bound", "words"),
    [
        (Quantity.SLOWDOWN_P95, 1.0504, "1.050"),
        (Quantity.SLOWDOWN_P95, 99.4, "99.4"),
        (Quantity.SLOWDOWN_P95, 3e5, "> 100"),
        (Quantity.LATENCY_P95, 0.0123, "12.3"),
        (Quantity.LATENCY_P95, 3e-10, "< 0.001"),
        (Quantity.LATENCY_P95, 1e9, "> 1000000"),
    ],
)
def test_a_bound_beyond_all_sense_has_no_digits(quantity: Quantity, bound: float, words: str) -> None:
    view = next(view for view in VIEWS if view.quantity is quantity)
    assert view.text(bound) == words


def test_the_folder_stands_on_a_command_line(tmp_path: Path) -> None:
    run = loaded(tmp_path, *a_run())
    assert payload("a 'run'", run.evidence, (), run.records, None)["folder"] == """'a '"'"'run'"'"''"""
