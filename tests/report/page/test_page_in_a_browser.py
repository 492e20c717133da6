"""The page in a browser: what is reached by keys, shown, drawn and told apart."""

from __future__ import annotations

import dataclasses
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from tests.report.page.browser import set_limit
from tests.report.page.runs import NASTIER, NASTY, Shown, a_run, shown, with_inference

if TYPE_CHECKING:
    from tests.report.page.browser import Opened


def test_the_keyboard_reaches_every_cell_and_tells_all_of_it(tx1: Shown, opened: Opened) -> None:
    page = opened(tx1)
    table = page.locator("#matrix")
    assert table.locator("[tabindex='0']").count() == 1
    table.locator("[tabindex='0']").focus()
    for key in ("ArrowRight", "ArrowDown", "End", "ArrowUp", "ArrowDown"):
        page.keyboard.press(key)
    words = page.locator("#tip").inner_text()
    assert "alexnet beside stringsearch, isolated, 102/537.6\N{NO-BREAK SPACE}MHz (CPU/GPU)" in words
    for name in ("3000 inferences in 5 repeats", "slowdown p99", "power", "energy", "work lost", "SAFE"):
        assert name in words
    page.keyboard.press("Escape")
    assert page.locator("#tip").is_hidden()
    page.keyboard.press("Enter")
    assert (
        page.locator("#place option:checked").inner_text()
        == "alexnet, isolated, 102/537.6\N{NO-BREAK SPACE}MHz (CPU/GPU)"
    )


def test_nasty_names_show_as_text_in_tables_tips_and_charts(tmp_path: Path, opened: Opened) -> None:
    page = opened(shown(tmp_path, *a_run(NASTY, NASTIER)))
    set_limit(page, "max-slowdown", 50.0)
    assert page.locator("#answers b").inner_text() == NASTY
    page.locator("td[data-verdict]").focus()
    assert NASTY in page.locator("#tip").inner_text()
    short = page.locator("#choices-table tbody td").nth(1).inner_text()
    assert short.startswith("</script>")
    assert page.locator("#latencies-table tbody th").nth(1).inner_text() == short
    assert page.locator("#answers b").first.text_content() == NASTY
    assert NASTY in (page.locator("#pareto .mark").first.get_attribute("aria-label") or "")
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
    assert "every 10.0\N{NO-BREAK SPACE}ms" in page.locator("header").inner_text()
    page.locator("td[data-verdict]").focus()
    words = page.locator("#tip").inner_text()
    assert "deadlines missed" in words and "longest run of them" in words


@pytest.mark.parametrize("width", [360, 390, 1200, 1400])
def test_nothing_is_wider_than_the_page(width: int, tx1: Shown, tmp_path: Path, opened: Opened) -> None:
    header, records = a_run("/a/folder/somewhere/a-detector-with-a-long-name-of-its-own-and-more.onnx")
    for run in (tx1, shown(tmp_path, header, records)):
        page = opened(run)
        page.set_viewport_size({"width": width, "height": 800})
        set_limit(page, "max-slowdown", 1.5)
        # Charts follow the window a moment later.
        page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width)
        if width > 1000:
            around = page.evaluate_handle("document.querySelector('#choices-table').parentElement")
            assert around.evaluate("box => box.scrollWidth <= box.clientWidth")


def test_what_a_narrow_screen_hides_is_said_and_what_is_safe_is_reached(tx1: Shown, opened: Opened) -> None:
    page = opened(tx1)
    page.set_viewport_size({"width": 390, "height": 800})
    menu, label = (page.locator(each).bounding_box() for each in ("#percentile", "label.fill"))
    assert menu and label and menu["x"] + menu["width"] <= label["x"] + label["width"]
    page.set_viewport_size({"width": 250, "height": 800})
    told = "() => document.querySelector('.matrix-and-key .hint').innerText.includes('to the right')"
    page.wait_for_function(told)
    page.locator(".matrix-and-key .scroll").evaluate("box => box.scrollTo(box.scrollWidth, 0)")
    page.wait_for_function("() => !document.querySelector('.matrix-and-key .scroll').matches('.right')")
    page.set_viewport_size({"width": 1400, "height": 300})
    page.wait_for_function(told.replace("to the right", "rows below"))
    page.locator(".matrix-and-key .scroll").evaluate("box => box.scrollTo(0, box.scrollHeight)")
    page.wait_for_function("() => document.querySelector('.matrix-and-key .hint').matches('.done')")
    page.click("#to-safe")
    assert page.evaluate("document.activeElement.dataset.verdict") == "SAFE"
    set_limit(page, "power-budget-w", 0.1)
    assert page.locator("#to-safe").is_hidden()


def test_what_is_not_significant_carries_its_mark_on_the_line_of_the_value(tx1: Shown, opened: Opened) -> None:
    page = opened(tx1)
    for view in ("slowdown_p50", "work_loss_ratio"):
        page.locator("#view").select_option(view)
        tiles = page.eval_on_selector_all(
            "td[data-verdict]",
            """tds => tds.map(td => {
              const [value, mark] = [td.querySelector(".value"), td.querySelector(".value > small")];
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


def test_a_telephone_shows_three_tasks_beside_the_network_alone(tx1: Shown, opened: Opened) -> None:
    page = opened(tx1)
    page.set_viewport_size({"width": 390, "height": 800})
    whole = page.eval_on_selector_all(
        "#matrix th.task",
        "all => all.filter(each => each.getBoundingClientRect().right <= innerWidth).map(each => each.innerText)",
    )
    assert whole == ["alone", "bitcount", "jpeg", "stringsearch"]


@pytest.mark.parametrize("width", [360, 390])
@pytest.mark.parametrize("name", ["tx1", "server"])
def test_all_of_a_cell_fits_a_narrow_screen(
    name: str, width: int, opened: Opened, request: pytest.FixtureRequest
) -> None:
    page = opened(request.getfixturevalue(name))
    page.set_viewport_size({"width": width, "height": 800})
    for cell in (page.locator("td[data-cell]").nth(number) for number in (0, 1, -1)):
        cell.focus()
        tip = page.locator("#tip")
        assert tip.evaluate("tip => tip.querySelector('table').offsetWidth <= tip.clientWidth")
        assert tip.evaluate("(tip, width) => tip.getBoundingClientRect().right <= width", width)


def test_the_keyboard_reaches_every_mark_of_the_chart(tx1: Shown, opened: Opened) -> None:
    page = opened(tx1)
    marks = page.locator("#pareto .mark")
    assert marks.count() == page.locator('td[data-verdict="SAFE"]').count() > 10
    page.locator("#pareto [tabindex='0']").focus()
    page.keyboard.press("End")
    words = page.locator("#tip").inner_text()
    places = marks.evaluate_all("all => all.map(each => [each.getBoundingClientRect().x, each.ariaLabel])")
    at = {name: x for x, name in places}
    assert at[words.splitlines()[0]] == max(at.values()) and "SAFE" in words


def test_no_two_settings_of_a_run_share_a_colour(server: Shown, opened: Opened) -> None:
    page = opened(server)
    lines = page.eval_on_selector_all("#distribution .line", "lines => lines.map(line => line.style.stroke)")
    marks = page.eval_on_selector_all("#pareto .mark path", "marks => marks.map(mark => mark.style.stroke)")
    networks = {page.locator("#pareto-key li").nth(n).inner_text() for n in range(len(set(marks)))}
    assert len(set(lines)) == len(lines) == 4 and not set(lines) & set(marks)
    assert len(networks) == len(set(marks)) > 1


@pytest.mark.parametrize("width", [390, 1400])
def test_what_is_pressed_is_no_smaller_than_24_pixels(width: int, tx1: Shown, opened: Opened) -> None:
    page = opened(tx1)
    page.set_viewport_size({"width": width, "height": 800})
    # Charts follow the window a moment later.
    page.wait_for_function(
        """pressed => [...document.querySelectorAll(pressed)].every(each => {
          // The words of a checkbox are pressed too.
          const { width, height } = (each.closest("legend label") ?? each).getBoundingClientRect();
          return !width || Math.min(width, height) >= 24;
        })""",
        arg="a, button, select, input, summary, td[data-cell], .target",
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
def test_axe_finds_nothing_serious(width: int, scheme: Literal["light", "dark"], tx1: Shown, opened: Opened) -> None:
    axe = pytest.importorskip("axe_playwright_python", reason="needs axe-playwright-python: pip install -e '.[test]'")
    page = opened(tx1)
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    page.evaluate(resources.files(axe).joinpath("axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
    grave = [each for each in found if each["impact"] in ("serious", "critical")]
    assert [(each["id"], each["nodes"][0]["html"]) for each in grave] == []


@pytest.mark.parametrize(("run", "files"), [("tx1", ["validation.csv", "constants.csv"]), ("server", [])])
def test_print_keeps_long_tables_folded_and_opens_the_rest(
    run: str, files: list[str], request: pytest.FixtureRequest, opened: Opened
) -> None:
    page = opened(request.getfixturevalue(run))
    page.emulate_media(media="print")
    assert page.locator("details").count() > 0 and page.locator("details[open]").count() == 0
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    named = "all => all.map(each => each.dataset.file)"
    assert page.locator("details:not([open]) > summary").evaluate_all(named) == files
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details[open]").count() == 0
    assert page.locator("#limits").is_hidden() and page.locator("#spoken").is_visible()


def test_the_card_is_of_the_cell_in_focus_wherever_the_pointer_rests(tx1: Shown, opened: Opened) -> None:
    page = opened(tx1)
    page.set_viewport_size({"width": 1400, "height": 900})
    page.click("#to-safe")
    page.wait_for_timeout(300)
    safe, tip = page.locator("#matrix td:focus"), page.locator("#tip")
    assert safe.get_attribute("data-verdict") == "SAFE" and "✓ SAFE" in tip.inner_text()
    assert safe.get_attribute("aria-describedby") == "tip" and page.locator("[aria-describedby='tip']").count() == 1
    own, card, names = (each.bounding_box() for each in (safe, tip, page.locator("#matrix thead")))
    assert own and card and names, "all in sight"
    assert card["y"] >= own["y"] + own["height"] or card["y"] + card["height"] <= own["y"]
    assert own["y"] >= names["y"] + names["height"] > 0, "below the names of the tasks"


def test_a_narrow_screen_shows_every_number_of_a_choice_with_its_name(tx1: Shown, opened: Opened) -> None:
    page = opened(tx1)
    page.set_viewport_size({"width": 390, "height": 800})
    box = page.locator("#choices-table").locator("..")
    assert box.evaluate("box => box.scrollWidth <= box.clientWidth")
    names = page.eval_on_selector_all(
        "#choices-table tbody tr:first-child td.number",
        "all => all.map(each => getComputedStyle(each, '::before').content)",
    )
    assert [name.strip('" ') for name in names] == ["p95, ms", "speed", "power, W", "speed/W", "p95 slowdown"]
