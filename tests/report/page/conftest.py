"""What every test of the page may ask for."""

from __future__ import annotations

from tests.report.page.browser import browser, opened, tab
from tests.report.page.runs import server, tx1

__all__ = ["browser", "opened", "server", "tab", "tx1"]
