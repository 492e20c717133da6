"""How latencies are spread, drawn from a few of them or from many."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from colocate.model.limits import Limits
from colocate.model.request import ClockPoint
from colocate.report.drawing.paper import PAGE_IN
from colocate.report.sweep.distributions import draw_distributions
from tests.report.drawn import CAPTION, cell, draw_all, records_of, texts, words_on


@pytest.mark.parametrize("n", [1, 2, 30, 100_000])
def test_distributions_of_any_size(tmp_path: Path, n: int) -> None:
    cells = [cell(task="none", slowdown_p50=None), cell(p99_s=0.016 if n > 500 else None)]
    constant, spread = records_of(cells, n)
    constant = dataclasses.replace(constant, latencies_s=np.full(n, 0.0123))
    draw_all(tmp_path, cells, [constant, spread])
    found = texts(tmp_path / "distributions.svg")
    assert not any(words.startswith("limit") for words in found)
    assert found.count(str(n)) == 2 and ("16.0" in found) == (n > 500)
    # Dots that fall on one another are drawn once: the size does not grow with n.
    assert (tmp_path / "distributions.svg").stat().st_size < 400_000


def test_many_networks_go_on_pages_no_higher_than_paper() -> None:
    cells = [cell(f"net{n}", task=task) for n in range(9) for task in ("none", "jpeg", "bitcount", "stringsearch")]
    pages = draw_distributions(cells, records_of(cells), CAPTION)
    assert len(pages) > 1 and all(page.get_size_inches()[1] <= PAGE_IN for page in pages)
    named = [words for page in pages for words in words_on(page) if words.startswith("net")]
    assert named == [f"net{n}" for n in range(9)]


def test_the_clocks_of_the_best_choice_are_shown_where_there_is_one() -> None:
    slow, fast = (cell(clocks=ClockPoint(hz, hz)) for hz in (102_000_000, 921_600_000))
    cells = [slow, fast]
    chosen, highest = (
        " ".join(words_on(draw_distributions(cells, records_of(cells), CAPTION, best)[0])) for best in (slow, None)
    )
    assert "at the clocks of the best choice, 102/102 MHz" in chosen and "at the highest clocks, 921.6" in highest


@pytest.mark.parametrize(
    ("slo_s", "words"),
    [
        (1e-3, "\N{LEFTWARDS ARROW} limit 1 ms (p95)"),
        (0.013, "limit 13 ms (p95)"),
        (0.5, "limit 500 ms (p95) \N{RIGHTWARDS ARROW}"),
    ],
)
def test_the_limit_is_a_line_or_beyond_the_axis_an_arrow(slo_s: float, words: str) -> None:
    cells = [cell(task="none", slowdown_p50=None), cell(p95_s=0.015)]
    (page,) = draw_distributions(cells, records_of(cells), CAPTION, limits=Limits(slo_s=slo_s))
    assert words in words_on(page) and "15.0" in words_on(page)
