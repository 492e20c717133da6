"""A browser that opens pages and must hear nothing of them, and hands for their controls."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from colocate.model.limits import Limits
from tests.report.page.runs import Shown

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    Opened = Callable[[Shown], Page]

# The driver's own half a minute is what a busy machine may need to start a browser.
PATIENCE_MS = 300_000.0


@pytest.fixture(scope="session")
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


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opened]:
    """Opens a page; afterwards it must have fetched nothing else, said nothing and thrown nothing."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    troubles: list[str] = []

    def open_page(run: Shown) -> Page:
        page = context.new_page()
        page.on("console", lambda message: troubles.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: troubles.append(f"error: {error}"))
        page.on("dialog", lambda dialog: troubles.append(f"dialog: {dialog.message}"))
        address = run.path.absolute().as_uri()
        page.on("request", lambda request: troubles.extend({f"request: {request.url}"} - {f"request: {address}"}))
        page.goto(address)
        return page

    yield open_page
    context.close()
    assert not troubles


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


# As a hand would set them, in one go: a hundred single steps of the browser's driver take half a minute.
_SET = """wanted => {
  const say = (element, kind) => element.dispatchEvent(new Event(kind, { bubbles: true }));
  for (const [id, value] of Object.entries(wanted.choose)) {
    const select = document.getElementById(id);
    select.value = value;
    say(select, "change");
  }
  for (const [name, value] of Object.entries(wanted.limits)) {
    const box = document.querySelector(`[data-limit=${name}]`);
    const [on, number] = [box.querySelector(".on"), box.querySelector("input[type=number]")];
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
