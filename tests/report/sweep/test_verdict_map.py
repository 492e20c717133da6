"""The verdict map: every verdict with what decided it, as text and in its key."""

from __future__ import annotations

from colocate.model.cell import Cell
from colocate.model.limits import Limits, Quantity
from colocate.report.drawing.paper import PAGE_IN
from colocate.report.sweep.verdict_map import draw_verdicts
from colocate.study.advice import Ruling, advise
from tests.report.drawn import CAPTION, cell, words_on
from tests.study.tables import around, evidence

LIMITS = Limits(max_slowdown=1.1, percentile="p50", power_budget_w=9.0)


def ruled(*cells: Cell, slowdown: float = 1.0, power_w: float = 8.0) -> tuple[Ruling, ...]:
    values = {Quantity.SLOWDOWN_P50: around(slowdown), Quantity.POWER: around(power_w)}
    return advise([evidence(each, values) for each in cells], LIMITS).rulings


def test_each_tile_has_the_quantity_that_decided_with_its_limit() -> None:
    rulings = (
        *ruled(cell(task="fits")),
        *ruled(cell(task="slows"), slowdown=1.5),
        *ruled(cell(task="heats"), power_w=12.0),
        *ruled(cell(task="unsure"), slowdown=1.1),
    )
    (page,) = draw_verdicts(rulings, LIMITS, CAPTION)
    found = words_on(page)
    assert {"fits", "slows", "heats", "unsure"} <= {*found}
    assert {"✕ 1.50", "p50 slowdown > 1.1", "✕ 12.0 W", "power > 9 W", "p50 slowdown, limit 1.1"} <= {*found}
    assert "Verdicts under p50 slowdown ≤ 1.1, power ≤ 9 W" in found
    key = [words for words in found if words.startswith(("SAFE", "UNSAFE", "UNDECIDED"))]
    assert [words.split(":")[0] for words in key] == ["SAFE", "UNSAFE", "UNDECIDED"]


def test_the_key_has_only_what_the_map_shows() -> None:
    (page,) = draw_verdicts(ruled(cell(task="fits")), LIMITS, CAPTION)
    assert not any(words.startswith(("UNSAFE", "UNDECIDED")) or words == "not measured" for words in words_on(page))


def test_many_networks_go_on_pages_each_no_higher_than_paper() -> None:
    pages = draw_verdicts(ruled(*(cell(f"network{n}") for n in range(40))), LIMITS, CAPTION)
    assert len(pages) > 1 and all(page.get_size_inches()[1] <= PAGE_IN for page in pages)
    named = [words for page in pages for words in words_on(page) if words.startswith("network")]
    assert named == [f"network{n}" for n in range(40)]


def test_nothing_judged_is_no_map() -> None:
    assert draw_verdicts((), LIMITS, CAPTION) == []


def test_pages_with_what_is_safe_come_first() -> None:
    hot, fine = ruled(*(cell(f"network{n}") for n in range(40)), power_w=12.0), ruled(cell("zebra"))
    first, *others = draw_verdicts((*hot, *fine), LIMITS, CAPTION)
    assert "zebra" in words_on(first) and others
    assert not any("zebra" in words_on(page) for page in others)
