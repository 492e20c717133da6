"""The advice as a page of Markdown that shows every name as it is."""

from __future__ import annotations

import dataclasses
import re

from colocate.model.limits import Limits
from colocate.model.quality import QualityFlag
from colocate.model.request import Inference
from colocate.report.advise.markdown import advice_markdown
from colocate.report.text.tables import escaped
from tests.report.advise.judged import NASTY, POWER, evidence_of, judged


def test_names_are_the_users_own() -> None:
    page = advice_markdown(judged(evidence=evidence_of(NASTY)))
    assert "\x1b" not in page and not re.search(r"(?<!\\)<script", page)
    rows = [line for line in page.splitlines() if line.startswith("|")]
    widths = {len(re.findall(r"(?<!\\)\|", line)) for line in rows}
    assert widths == {10, 12}, "no name makes a column"


def test_a_frame_rate_and_its_misses_are_reported() -> None:
    inference = Inference("alexnet", period_s=0.0333)
    timed = [
        dataclasses.replace(
            each, cell=dataclasses.replace(each.cell, inference=inference, miss_ratio=0.25, longest_miss_run=3)
        )
        for each in evidence_of()
    ]
    page = advice_markdown(judged(evidence=timed))
    assert "a frame every 33.3 ms" in page and "25 %, 3 running" in page


def test_a_remedy_stands_on_the_page_once() -> None:
    solo, *tasks = evidence_of()
    disturbed = [dataclasses.replace(each, values={}, left_out={POWER: (QualityFlag.OTHER_LOAD,)}) for each in tasks]
    page = advice_markdown(judged(Limits(power_budget_w=10.0), [solo, *disturbed]))
    assert page.count(escaped(QualityFlag.OTHER_LOAD.remedy)) == 1
