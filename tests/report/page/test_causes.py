"""The bars of the causes, and how they stand in a page."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from colocate.model.cause import Cause, ExtraTime
from colocate.model.request import ClockPoint
from colocate.report.page.assets import style
from colocate.report.page.causes import SHOWN_FIRST, cause_bars, colour, legend
from colocate.report.page.render import write_page
from tests.report.drawn import cell
from tests.report.page.runs import a_run, loaded

WAIT = ExtraTime(0.4e-3, ((Cause.PREEMPTED, 0.3e-3), (Cause.UNKNOWN, 0.1e-3)))
QUOTA = ExtraTime(2e-3, ((Cause.QUOTA, 2e-3),))


def test_a_bar_has_its_parts_in_per_cent_and_in_words() -> None:
    cells = [cell(task="none"), cell(), cell(extra_time=WAIT, clocks=ClockPoint(1_000_000_000))]
    (bar,) = cause_bars(cells)
    assert (bar.network, bar.where) == ("alexnet", "beside jpeg · isolated · 1000/native MHz (CPU/GPU)")
    assert (bar.extra, bar.parts) == ("+0.400 ms", (("preempted", 75.0), ("unknown", 25.0)))
    assert bar.parts_words == "preempted 0.300 ms, unknown 0.100 ms"
    assert bar.words.startswith("the launch thread was preempted for 0.300 ms of 0.400 ms: ")
    assert legend(cells) == (("preempted", "preempted"), ("unknown", "unknown"))


def test_the_longest_for_its_network_comes_first() -> None:
    slow, fast = cell(extra_time=QUOTA, p50_s=1.0), cell(task="fft", extra_time=WAIT, p50_s=0.001)
    assert [bar.where for bar in cause_bars([slow, fast])] == ["beside fft · isolated", "beside jpeg · isolated"]


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_a_colour_of_its_own(cause: Cause) -> None:
    assert style().count(f"i.{colour(cause)} {{") == 1


@pytest.mark.parametrize(("count", "folded"), [(0, False), (1, False), (SHOWN_FIRST + 1, True)])
def test_the_page_shows_the_bars_with_their_words(tmp_path: Path, count: int, folded: bool) -> None:
    header, records = a_run()
    run = loaded(tmp_path, header, records)
    alone, beside = run.evidence
    bars = [dataclasses.replace(beside, cell=dataclasses.replace(beside.cell, extra_time=WAIT))] * count
    text = write_page(dataclasses.replace(run, evidence=(alone, *(bars or [beside])))).read_text()
    assert text.count('aria-label="preempted 0.300\N{NO-BREAK SPACE}ms, unknown 0.100\N{NO-BREAK SPACE}ms"') == count
    assert ("Where the extra time goes" in text) == bool(count)
    assert ("<summary>1 more</summary>" in text) == folded
    assert ('["cause", "preempted 75 %", ""]' in text) == bool(count)
