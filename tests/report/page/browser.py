"""A browser that opens pages and must hear nothing of them, and hands for their controls."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from colocate.model.limits import Limits
from tests.report.page.runs import Shown

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page

    Opened = Callable[[Shown], Page]

# The driver's own half a minute is what a busy machine may need to start a browser.
PATIENCE_MS = 300_000.0


# Not for the whole session: for as long as the driver runs, asyncio takes its loop for one of this thread.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install -e '.[test]'")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("needs Chromium: apt install chromium")
    with api.sync_playwright() as playwright:
        # Root has no sandbox of Chromium's.
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        running = playwright.chromium.launch(executable_path=chromium, args=flags, timeout=PATIENCE_MS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Page:
    """For one page after the other: a tab is a process, whose start takes longer than a page."""
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    return page


@pytest.fixture
def opened(tab: Page) -> Iterator[Opened]:
    """Opens a page in place of the one before; afterwards it must have fetched nothing else, said nothing and thrown
    nothing.
    """
    troubles: list[str] = []
    address = ""

    def dismiss(dialog: Dialog) -> None:
        troubles.append(f"dialog: {dialog.message}")
        # One that stays open would hold the tab up.
        dialog.dismiss()

    heard: dict[Any, Callable[[Any], None]] = {
        "console": lambda message: troubles.append(f"console: {message.text}"),
        "pageerror": lambda error: troubles.append(f"error: {error}"),
        "dialog": dismiss,
        "request": lambda request: troubles.extend({f"request: {request.url}"} - {f"request: {address}"}),
    }

    def open_page(run: Shown) -> Page:
        nonlocal address
        _leave(tab)
        address = run.path.absolute().as_uri()
        tab.goto(address)
        return tab

    for event, handler in heard.items():
        tab.on(event, handler)
    yield open_page
    for event, handler in heard.items():
        tab.remove_listener(event, handler)
    assert not troubles


def _leave(tab: Page) -> None:
    """Leave the page that is open, and the tab as if it were new: what the page kept or was told is gone."""
    tab.goto("about:blank")
    tab.mouse.move(0, 0)
    tab.emulate_media(media="null", color_scheme="light")
    tab.set_viewport_size({"width": 1400, "height": 900})


def verdicts(page: Page) -> list[str]:
    found: list[str] = page.eval_on_selector_all(
        "td[data-verdict]",
        "tds => tds.sort((a, b) => a.dataset.cell - b.dataset.cell).map(td => td.dataset.verdict)",
    )
    return found


def decided_by(page: Page) -> list[str]:
    """The quantity that decided each cell."""
    found: list[str] = page.eval_on_selector_all(
        "td[data-verdict]",
        "tds => tds.sort((a, b) => a.dataset.cell - b.dataset.cell).map(td => td.dataset.decided)",
    )
    return found


def set_limit(page: Page, name: str, value: float | None) -> None:
    box = page.locator(f"[data-limit={name}]")
    if value is None:
        box.locator(".on").set_checked(False)
    else:
        box.locator("input[type=number]").fill(repr(value))


# As a hand would set them, which leaves alone what is set already, but in one go: a hundred single steps of the
# browser's driver take half a minute.
_SET = """wanted => {
  const say = (element, kind) => element.dispatchEvent(new Event(kind, { bubbles: true }));
  for (const [id, value] of Object.entries(wanted.choose)) {
    const select = document.getElementById(id);
    if (select.value === value) continue;
    select.value = value;
    say(select, "change");
  }
  for (const [name, value] of Object.entries(wanted.limits)) {
    const box = document.querySelector(`[data-limit=${name}]`);
    const [on, number] = [box.querySelector(".on"), box.querySelector("input[type=number]")];
    if (value === null ? !on.checked : on.checked && number.value === String(value)) continue;
    if (value === null) { on.checked = false; say(on, "change"); }
    else { number.value = value; say(number, "input"); }
  }
}"""


def set_limits(page: Page, limits: Limits) -> None:
    """Set the controls to `limits`, the latency in ms."""
    values = {
        "slo-ms": None if limits.slo_s is None else 1e3 * limits.slo_s,
        "max-slowdown": limits.max_slowdown,
        "power-budget-w": limits.power_budget_w,
        "max-work-loss": limits.max_work_loss,
    }
    page.evaluate(_SET, {"choose": {"percentile": limits.percentile}, "limits": values})
