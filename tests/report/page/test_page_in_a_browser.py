"""The page in a browser: what is reached by keys, shown, drawn and told apart."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.report.page.browser import set_limit
from tests.report.page.runs import NASTIER, NASTY, Shown, a_run, shown, with_inference

if TYPE_CHECKING:
    from tests.report.page.browser import Opened


def test_the_keyboard_reaches_every_cell_and_tells_all_of_it(tx1: Shown, opened: Opened) -> None:
    page = opened(tx1)
    table = page.locator(".heatmap table").first
    assert table.locator("[tabindex='0']").count() == 1
    table.locator("[tabindex='0']").focus()
    for key in ("ArrowRight", "ArrowDown", "End"):
        page.keyboard.press(key)
    words = page.locator("#tip").inner_text()
    assert "alexnet beside stringsearch, isolated, 102/537.6 MHz (CPU/GPU)" in words
    for name in ("3000 inferences in 5 blocks", "slowdown p99", "power", "energy", "work lost", "SAFE"):
        assert name in words
    page.keyboard.press("Escape")
    assert page.locator("#tip").is_hidden()
    page.keyboard.press("Enter")
    assert page.locator("#place option:checked").inner_text() == "alexnet, isolated, 102/537.6 MHz (CPU/GPU)"


def test_nasty_names_show_as_text_in_tables_tips_and_charts(tmp_path: Path, opened: Opened) -> None:
    page = opened(shown(tmp_path, *a_run(NASTY, NASTIER)))
    set_limit(page, "latency", 50.0)
    assert page.locator(".findings h3").inner_text().startswith(NASTY)
    page.locator("td[data-verdict]").focus()
    assert NASTY in page.locator("#tip").inner_text()
    page.locator("#latencies").scroll_into_view_if_needed()
    page.locator("#distribution .legendtext").nth(1).wait_for()
    short = page.locator("#choices-table tbody td").nth(1).inner_text()
    assert short.startswith("</script>")
    assert (page.locator("#distribution .legendtext").nth(1).text_content() or "").startswith(short)
    assert page.locator("#pareto .legendtext").first.text_content() == NASTY
    assert page.locator("img, h1 script, td script").count() == 0


def test_other_views_fill_the_same_tables(tx1: Shown, opened: Opened) -> None:
    page = opened(tx1)
    values = {}
    for view in ("slowdown_p50", "latency_p50_s", "power_w", "energy_per_inference_j", "work_loss_ratio"):
        page.locator("#view").select_option(view)
        values[view] = page.locator("td[data-verdict] .value").first.inner_text()
    assert len(set(values.values())) == 5 and all(any(map(str.isdigit, value)) for value in values.values())


def test_ways_to_run_a_network_are_told_apart(tmp_path: Path, opened: Opened) -> None:
    header, records = a_run()
    half = dataclasses.replace(header.spec.inferences[0], precision="fp16")
    halved = [
        dataclasses.replace(each, trial=dataclasses.replace(each.trial, trial_id=f"h{each.trial.trial_id}"))
        for each in with_inference(records, half)
        if each.trial.inference
    ]
    header = dataclasses.replace(
        header, spec=dataclasses.replace(header.spec, inferences=(*header.spec.inferences, half))
    )
    page = opened(shown(tmp_path, header, [*records, *halved]))
    options = page.locator("#place option").all_inner_texts()
    assert sorted(options) == ["alexnet, fp16, isolated, native clocks", "alexnet, fp32, isolated, native clocks"]


def test_a_frame_rate_and_its_misses_are_shown(tmp_path: Path, opened: Opened) -> None:
    header, records = a_run()
    timed = dataclasses.replace(header.spec.inferences[0], period_s=0.01)
    header = dataclasses.replace(header, spec=dataclasses.replace(header.spec, inferences=(timed,)))
    page = opened(shown(tmp_path, header, with_inference(records, timed)))
    assert "every 10.0 ms" in page.locator("header").inner_text()
    page.locator("td[data-verdict]").focus()
    words = page.locator("#tip").inner_text()
    assert "deadlines missed" in words and "longest run of them" in words


@pytest.mark.parametrize("width", [360, 1200, 1400])
def test_nothing_is_wider_than_the_page(width: int, tx1: Shown, tmp_path: Path, opened: Opened) -> None:
    header, records = a_run("/a/folder/somewhere/a-detector-with-a-long-name-of-its-own-and-more.onnx")
    for run in (tx1, shown(tmp_path, header, records)):
        page = opened(run)
        page.set_viewport_size({"width": width, "height": 800})
        set_limit(page, "latency", 1.5)
        # Charts follow the window a moment later.
        page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width)
        if width > 1000:
            around = page.evaluate_handle("document.querySelector('#choices-table').parentElement")
            assert around.evaluate("box => box.scrollWidth <= box.clientWidth")


def test_what_is_not_significant_carries_its_mark_on_the_line_of_the_value(tx1: Shown, opened: Opened) -> None:
    page = opened(tx1)
    for view in ("slowdown_p50", "work_loss_ratio"):
        page.locator("#view").select_option(view)
        tiles = page.eval_on_selector_all(
            "td[data-verdict]",
            """tds => tds.map(td => {
              const [value, mark] = [td.querySelector(".value"), td.querySelector(".value small")];
              const [around, own] = [value.getBoundingClientRect(), (mark ?? value).getBoundingClientRect()];
              return {
                words: value.textContent,
                pale: td.style.getPropertyValue("--t") === "0.000",
                inside: own.top >= around.top && own.bottom <= around.bottom && own.right <= around.right,
              };
            })""",
        )
        marked = [tile for tile in tiles if tile["words"].endswith(" n.s.")]
        assert 0 < len(marked) < len(tiles)
        assert all(tile["pale"] and tile["inside"] for tile in marked)
    page.locator("#view").select_option("power_w")
    assert page.locator(".value small").count() == 0


@pytest.mark.parametrize("width", [360, 390])
def test_all_of_a_cell_fits_a_narrow_screen(width: int, tx1: Shown, opened: Opened) -> None:
    page = opened(tx1)
    page.set_viewport_size({"width": width, "height": 800})
    for cell in (page.locator("td[data-cell]").nth(number) for number in (0, 1, -1)):
        cell.focus()
        tip = page.locator("#tip")
        assert tip.evaluate("tip => tip.querySelector('table').offsetWidth <= tip.clientWidth")
        assert tip.evaluate("(tip, width) => tip.getBoundingClientRect().right <= width", width)
