"""report.html as a file: it fetches nothing, every name in it is text, and it says what a reader must know first."""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import colocate.report.page
from colocate.model.cell import SOLO
from colocate.model.machine import Missing
from colocate.model.quality import QualityFlag
from colocate.model.trial import Failure
from colocate.report.advise.words import chosen_later_words
from colocate.request.spec import make_spec
from colocate.request.study_file import study_file
from tests.report.page.runs import NASTIER, NASTY, Shown, a_run, shown

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class Links(HTMLParser):
    """Everything in a page by which it could fetch something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.tags: list[str] = []
        self.policy = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.policy += dict(attrs).get("content") or "" if tag == "meta" else ""
        self.targets += [value or "" for name, value in attrs if name in {"src", "href", "action", "data", "srcset"}]


def test_the_page_fetches_nothing_and_is_small_enough_for_a_mail(tx1: Shown) -> None:
    links = Links(tx1.text)
    assert all(target.startswith("#") for target in links.targets)
    assert not {"link", "img", "iframe", "object", "base"} & set(links.tags)
    style = tx1.text.partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style and "@import" not in style
    assert "default-src 'none'; script-src 'sha256-" in links.policy and "unsafe-eval" not in links.policy
    assert tx1.path.stat().st_size <= 2e6


def test_the_page_includes_every_section_once() -> None:
    folder = Path(colocate.report.page.__file__).parent
    files = {path.relative_to(folder).as_posix() for path in (folder / "sections").iterdir()}
    included = re.findall(r'{% include "(.*?)" \+%}', (folder / "page.html.j2").read_text(encoding="utf-8"))
    assert sorted(included) == sorted(files)


def test_the_policy_lets_no_script_run_but_the_page_s_own(tx1: Shown) -> None:
    (script,) = re.findall(r"<script>(.*?)</script>", tx1.text, re.DOTALL)
    own = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert re.findall(r"'sha256-([^']+)'", Links(tx1.text).policy) == [own]


def test_names_are_text_everywhere(tmp_path: Path) -> None:
    missing = {NASTY: Missing(NASTIER, NASTIER)}
    header, records = a_run(
        NASTY, NASTIER, cpu_model=NASTY, versions={NASTY: NASTIER}, clocks_missing=missing, backends_missing=missing
    )
    page = shown(tmp_path / "<b>", header, records, [Failure(records[1].trial, NASTIER)]).text
    assert "<script>alert" not in page and "<img" not in page and "<b></h1>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    # The page's data and script, and what ends them.
    assert Links(page).tags.count("script") == 2
    assert page.count("</script>") == 2


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    pages = [shown(tmp_path / f"{n}" / "run", *a_run()).path.read_bytes() for n in range(2)]
    assert pages[0] == pages[1]


def test_the_page_states_the_whole_correction(tx1: Shown) -> None:
    words = " ".join(tx1.text.split())
    assert "All bounds are widened for the number of cells (Bonferroni; docs/statistics.md)." in words
    assert chosen_later_words(4, 0.95) in words


def test_a_model_says_so_before_anything_else(tx1: Shown, server: Shown) -> None:
    body = tx1.text.partition("<body>")[2]
    assert body.index("nothing here is measured") < body.index("<h1>")
    assert "contention" in body and "not fitted" in body
    assert body.partition("</header>")[0].count("MODEL of") == 1 and "What was modelled" in body
    assert "nothing here is measured" not in server.text


def test_an_unfinished_run_says_so_and_one_without_a_cell_has_a_page(tmp_path: Path) -> None:
    header, records = a_run(planned=40)
    assert "Unfinished: 12 of 40 trials done." in shown(tmp_path / "some", header, records).text
    empty = shown(tmp_path / "none", header, []).text
    assert "Unfinished: 0 of 40 trials done." in empty and "No trial with a network has given numbers yet." in empty
    assert "Unfinished" not in shown(tmp_path / "all", *a_run()).text


def test_a_warning_comes_with_its_remedy_and_a_failure_with_its_message(tmp_path: Path) -> None:
    header, records = a_run()
    failures = [Failure(records[at].trial, "the task died") for at in (-2, -5)]
    page = shown(tmp_path, header, [*records[:-5], *records[-4:-2]], failures).text
    assert QualityFlag.TRIALS_FAILED.remedy in page and "2 times: the task died" in page


def test_values_show_their_mark_without_a_script_too(tx1: Shown) -> None:
    tiles = re.findall(
        r'<td data-cell="(\d+)" tabindex="-1"(?: class="start")?><span class="value">(.*?)</span>', tx1.text
    )
    assert len(tiles) == len(tx1.run.cells)
    found = {int(number): words for number, words in tiles}
    assert any(words.endswith(" <small>n.s.</small>") for words in found.values())
    for number, evidence in enumerate(tx1.evidence):
        assert (found[number] == "\N{EN DASH}") == (evidence.cell.task == SOLO)


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"rig": "tx1-model", "model": {"contention": 2.0}, "repeats": 3},
        {
            "networks": ["alexnet", {"network": 'a "b" \\ c.onnx', "batch": 4, "graph": True}],
            "stressors": ["jpeg"],
            "commands": {"my encoder": "ffmpeg -i 'ä \x7f.mp4'"},
            "window": 0.5,
            "placement": ["isolated", "shared"],
        },
    ],
)
def test_the_study_file_asks_for_the_same_study(request_: dict[str, Any]) -> None:
    assert make_spec(tomllib.loads(study_file(request_))) == make_spec(request_)
