"""report.html: one file, every name text, and verdicts that are those of `study.advice` whatever the limits."""

from __future__ import annotations

import dataclasses
import itertools
import os
import random
import shutil
import sys
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from colocate.model.limits import QUANTILES, Limits, Quantity
from colocate.model.machine import HostFacts
from colocate.model.quality import QualityFlag
from colocate.model.request import ClockPoint, Inference, Placement, SweepSpec, Task
from colocate.model.trial import Trial, TrialRecord, Work
from colocate.report.page.render import write_page
from colocate.report.write import write_report
from colocate.spec import make_spec, study_file
from colocate.store import Failure, Header, Run
from colocate.study.advice import Verdict, advise
from colocate.study.evidence import Evidence, collect
from colocate.study.sequential import Schedule

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

RESULTS = Path(__file__).parents[2] / "results"
NASTY = "<script>alert(1)</script>"
# Ends the element that it stands in, were it not text; and what Plotly and Jinja take for theirs.
NASTIER = "</script></style>\"'<img src=x onerror=alert(2)>{{ 7 * 7 }}%{x}<b>$x$"


@dataclasses.dataclass(frozen=True)
class Shown:
    """A run and the page made of it."""

    path: Path
    evidence: Sequence[Evidence]

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")


def shown(path: Path, header: Header, records: Sequence[TrialRecord], failures: Sequence[Failure] = ()) -> Shown:
    evidence = collect(records, header.spec, [failure.trial for failure in failures])
    return Shown(write_page(path, header, evidence, records, failures), evidence)


def stored(name: str, folder: Path) -> Shown:
    with Run.read(RESULTS / name) as run:
        return shown(folder / "report.html", run.header(), tuple(run.records()), tuple(run.failures()))


@pytest.fixture(scope="module")
def tx1(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    return stored("tx1-model", tmp_path_factory.mktemp("tx1"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    return stored("h200", tmp_path_factory.mktemp("server"))


def a_run(
    network: str = "alexnet", task: str = "jpeg", repeats: int = 4, planned: int = 0, **facts: Any
) -> tuple[Header, list[TrialRecord]]:
    """A small run: a network alone and beside a task that slows it by a tenth."""
    inference, stressor, seat = Inference(network), Task(task), Placement("isolated", (0,), (1,), ())
    settings = ((inference, None), (inference, stressor), (None, stressor))
    random_ = np.random.default_rng(1)
    records = [
        TrialRecord(
            Trial(f"{repeat}-{number}", repeat, repeat, network_, task_, ClockPoint(), seat, 0.3, 0.2, 2.0),
            0.0, 2.0, np.linspace(0.0, 2.0, 200), (0.01 + 0.001 * number) * random_.lognormal(0.0, 0.02, 200),
            work=Work("pictures", 100.0 - repeat, 2.0, 2.0) if task_ else None,
        )
        for repeat in range(repeats)
        for number, (network_, task_) in enumerate(settings)
    ]  # fmt: skip
    spec = SweepSpec((inference,), (stressor,))
    machine = HostFacts(
        **{
            "rig": "host", "machine_id": "m", "architecture": "x86_64", "cpu_model": "Acme Nine", "cpus": (0, 1),
            "last_level_cache_bytes": None, "kernel": "6", "confinement": "none",
        } | facts
    )  # fmt: skip
    return Header({"networks": [network]}, spec, machine, {}, {}, planned), records


# ---- without a browser


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
    assert tx1.path.stat().st_size <= 8e6


def test_names_are_text_everywhere(tmp_path: Path) -> None:
    header, records = a_run(NASTY, NASTIER, cpu_model=NASTY, versions={NASTY: NASTIER}, clock_notes=(NASTIER,))
    failure = Failure(records[1].trial, NASTIER)
    folder = tmp_path / "<b>"
    folder.mkdir()
    page = shown(folder / "report.html", header, records, [failure]).text
    assert "<script>alert" not in page and "<img" not in page and "<b></h1>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    # The page's style, data, Plotly and script, and what ends them.
    assert Links(page).tags.count("script") == 3
    assert page.count("</script>") == 3


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    pages = [shown(tmp_path / f"{n}.html", *a_run()).path.read_bytes() for n in range(2)]
    assert pages[0] == pages[1]


def test_the_page_states_the_whole_correction(tx1: Shown) -> None:
    words = " ".join(tx1.text.split())
    assert "the lower ones for the kinds of limit too; variances are steadied over the table (Smyth 2004)" in words


def test_a_model_says_so_before_anything_else(tx1: Shown, server: Shown) -> None:
    body = tx1.text.partition("<body>")[2]
    assert body.index("nothing on this page was measured") < body.index("<h1>")
    assert "contention" in body and "not fitted" in body
    assert "nothing on this page was measured" not in server.text


def test_an_unfinished_run_says_so_and_one_without_a_cell_has_a_page(tmp_path: Path) -> None:
    header, records = a_run(planned=40)
    assert "Unfinished: 12 of 40 trials." in shown(tmp_path / "some.html", header, records).text
    empty = shown(tmp_path / "none.html", header, []).text
    assert "Unfinished: 0 of 40 trials." in empty and "No trial with a network has given numbers yet." in empty
    assert "Unfinished" not in shown(tmp_path / "all.html", *a_run()).text


def test_a_doubt_comes_with_its_remedy_and_a_failure_with_its_message(tmp_path: Path) -> None:
    header, records = a_run()
    failures = [Failure(records[at].trial, "the task died") for at in (-2, -5)]
    page = shown(tmp_path / "page.html", header, [*records[:-5], *records[-4:-2]], failures).text
    assert QualityFlag.TRIALS_FAILED.remedy in page and "2 times: the task died" in page


def test_report_writes_the_page_beside_the_tables(tmp_path: Path) -> None:
    shutil.copy(RESULTS / "h200" / "run.sqlite", tmp_path)
    report = write_report(tmp_path)
    assert tmp_path / "report.html" in report.files
    assert (tmp_path / "report.html").stat().st_size > 1000


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


# ---- in a browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install -e '.[test]'")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("needs Chromium: apt install chromium")
    with api.sync_playwright() as playwright:
        # Root has no sandbox of Chromium's.
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        running = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield running
        running.close()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Any]:
    """Opens a page; afterwards it must have fetched nothing else, said nothing and thrown nothing."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
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
    slow = limits.slo_s is None
    choose = {"latency-as": "slowdown" if slow else "latency", "quantile": f"p{100 * limits.quantile:.0f}"}
    latency = limits.max_slowdown if limits.slo_s is None else 1e3 * limits.slo_s
    values = {"latency": latency, "power": limits.power_budget_w, "work": limits.max_work_loss}
    page.evaluate(_SET, {"choose": choose, "limits": values})


def some_limits(evidence: Sequence[Evidence], count: int) -> list[Limits]:
    """Limits where verdicts turn: means of cells, and bounds to the last digit."""
    picks = random.Random(6)
    found = []
    ends = {q: sorted({end for r in advise(evidence, limit_of(q)).rulings for check in r.checks
                       if check.interval for end in dataclasses.astuple(check.interval) if end})
            for q in Quantity}  # fmt: skip
    for n, quantile in zip(range(count), itertools.cycle(QUANTILES), strict=False):
        latency = Quantity.latency(quantile) if n % 2 else Quantity.slowdown(quantile)
        # The page is told milliseconds.
        slo_ms = 1e3 * picks.choice(ends[latency] or [0.05])
        slowdown = max(1.0001, picks.choice(ends[latency] or [1.1]))
        loss = [end for end in ends[Quantity.WORK_LOSS] if 0 < end < 1]
        found.append(
            Limits(
                slo_s=slo_ms / 1e3 if n % 2 else None,
                max_slowdown=None if n % 2 else slowdown,
                quantile=quantile,
                power_budget_w=picks.choice(ends[Quantity.POWER]) if n % 3 else None,
                max_work_loss=picks.choice(loss) if n % 5 == 0 else None,
            )
        )
    return found


def limit_of(quantity: Quantity) -> Limits:
    """Any limit on `quantity`, to get at its bounds."""
    quantile = next((q for q in QUANTILES if quantity in (Quantity.latency(q), Quantity.slowdown(q))), 0.95)
    return Limits(
        slo_s=1.0 if quantity.kind == "latency" else None,
        max_slowdown=2.0 if quantity.kind == "slowdown" else None,
        power_budget_w=1.0 if quantity.kind == "power" else None,
        max_work_loss=0.5 if quantity.kind == "work" else None,
        quantile=quantile,
    )


@pytest.mark.parametrize("name", ["tx1", "server"])
def test_verdicts_and_choices_are_those_of_the_advice(name: str, opened: Any, request: pytest.FixtureRequest) -> None:
    run: Shown = request.getfixturevalue(name)
    page = opened(run)
    places = list(dict.fromkeys(
        (each.cell.inference, each.cell.placement, each.cell.clocks) for each in run.evidence
    ))  # fmt: skip
    seen = set()
    for limits in some_limits(run.evidence, 40):
        set_limits(page, limits)
        advice = advise(run.evidence, limits)
        assert verdicts(page) == [ruling.verdict.value for ruling in advice.rulings], limits
        seen |= {ruling.verdict for ruling in advice.rulings}
        if any(choice.power_w is None for choice in advice.choices):
            continue
        rows = page.eval_on_selector_all(
            "#choices-table tr[data-place]", "rows => rows.map(row => ({...row.dataset}))"
        )
        watts = page.eval_on_selector_all(
            "#choices-table tr[data-recommended=true]", "rows => rows.map(row => Number(row.cells[4].textContent))"
        )
        assert watts == pytest.approx([choice.power_w for choice in advice.recommended], abs=0.006)
        for mark, wanted in (("recommended", "recommended"), ("front", "on_front")):
            marked = {int(row["place"]) for row in rows if row[mark] == "true"}
            assert marked == {
                places.index((choice.inference, choice.placement, choice.clocks))
                for choice in advice.choices if getattr(choice, wanted)
            }, limits  # fmt: skip
    assert seen == set(Verdict)


@pytest.mark.parametrize(
    "limits",
    [
        Limits(max_slowdown=1.07, quantile=0.5, power_budget_w=30.0, confidence=0.9),
        Limits(slo_s=0.0117, quantile=0.5),
        Limits(max_work_loss=0.2),
    ],
)
def test_the_page_begins_with_the_limits_and_the_looks_of_the_study(
    limits: Limits, tmp_path: Path, opened: Any
) -> None:
    header, records = a_run(repeats=6)
    spec = dataclasses.replace(header.spec, limits=limits, until_decided=True, repeats=30)
    run = shown(tmp_path / "report.html", dataclasses.replace(header, spec=spec, planned=1000), records)
    page = opened(run)
    assert not page.locator("#unfinished").count(), "it is for the data to say when enough was measured"
    assert verdicts(page) == [ruling.verdict.value for ruling in advise(run.evidence, limits, Schedule(30)).rulings]
    power = page.locator("[data-limit=power]")
    assert power.locator(".on").is_checked() == (limits.power_budget_w is not None)


def test_one_block_decides_nothing(tmp_path: Path, opened: Any) -> None:
    run = shown(tmp_path / "page.html", *a_run(repeats=1))
    page = opened(run)
    set_limit(page, "latency", 50.0)
    assert verdicts(page) == ["UNDECIDED"]
    assert "no interval" in page.locator("td[data-verdict]").inner_text()


def test_limits_that_make_no_sense_judge_nothing(server: Shown, opened: Any) -> None:
    page = opened(server)
    for name, value in (("latency", 0.9), ("power", -1.0), ("work", 1.0)):
        set_limit(page, name, value)
        assert set(verdicts(page)) == {""}
        assert "must be" in page.locator(f"[data-limit={name}] .problem").inner_text()
        set_limit(page, name, None)
    assert set(verdicts(page)) == {""} and "Set a limit" in page.locator("#tally").inner_text()


def test_a_slider_moved_by_keys_sets_the_number_and_the_verdicts(tx1: Shown, opened: Any) -> None:
    page = opened(tx1)
    box = page.locator("[data-limit=latency]")
    found = {}
    for key in ("Home", "PageUp", "End"):
        box.locator("input[type=range]").press(key)
        limit = float(box.locator("input[type=number]").input_value())
        found[limit] = verdicts(page)
        wanted = advise(tx1.evidence, Limits(max_slowdown=limit))
        assert found[limit] == [ruling.verdict.value for ruling in wanted.rulings]
    assert len(found) == 3 and found[min(found)] != found[max(found)]


def test_the_keyboard_reaches_every_cell_and_tells_all_of_it(tx1: Shown, opened: Any) -> None:
    page = opened(tx1)
    table = page.locator(".heatmap table").first
    assert table.locator("[tabindex='0']").count() == 1
    table.locator("[tabindex='0']").focus()
    for key in ("ArrowRight", "ArrowDown", "End"):
        page.keyboard.press(key)
    told = page.locator("#tip").inner_text()
    assert "alexnet beside stringsearch, isolated, 102/537.6 MHz (CPU/GPU)" in told
    for name in ("3000 inferences in 5 blocks", "slowdown p99", "power", "energy", "work lost", "SAFE"):
        assert name in told
    page.keyboard.press("Escape")
    assert page.locator("#tip").is_hidden()
    page.keyboard.press("Enter")
    assert page.locator("#place option:checked").inner_text() == "alexnet, isolated, 102/537.6 MHz (CPU/GPU)"


def test_nasty_names_show_as_text_in_tables_tips_and_charts(tmp_path: Path, opened: Any) -> None:
    page = opened(shown(tmp_path / "page.html", *a_run(NASTY, NASTIER)))
    set_limit(page, "latency", 50.0)
    assert page.locator(".findings h3").inner_text().startswith(NASTY)
    page.locator("td[data-verdict]").focus()
    assert NASTY in page.locator("#tip").inner_text()
    page.locator("#latencies").scroll_into_view_if_needed()
    page.locator("#distribution .legendtext").nth(1).wait_for()
    short = page.locator("#choices-table tbody td").nth(1).inner_text()
    assert short.startswith("</script>")
    assert page.locator("#distribution .legendtext").nth(1).text_content().startswith(short)
    assert page.locator("#pareto .legendtext").first.text_content() == NASTY
    assert page.locator("img, h1 script, td script").count() == 0


def test_other_views_fill_the_same_tables(tx1: Shown, opened: Any) -> None:
    page = opened(tx1)
    values = {}
    for view in ("slowdown_p50", "latency_p50_s", "power_w", "energy_per_inference_j", "work_loss_ratio"):
        page.locator("#view").select_option(view)
        values[view] = page.locator("td[data-verdict] .value").first.inner_text()
    assert len(set(values.values())) == 5 and all(any(map(str.isdigit, value)) for value in values.values())


def test_ways_to_run_a_network_are_told_apart(tmp_path: Path, opened: Any) -> None:
    header, records = a_run()
    half = dataclasses.replace(header.spec.inferences[0], precision="fp16")
    halved = [
        dataclasses.replace(
            record, trial=dataclasses.replace(record.trial, trial_id=f"h{record.trial.trial_id}", inference=half)
        )
        for record in records
        if record.trial.inference
    ]
    header = dataclasses.replace(
        header, spec=dataclasses.replace(header.spec, inferences=(*header.spec.inferences, half))
    )
    page = opened(shown(tmp_path / "page.html", header, [*records, *halved]))
    options = page.locator("#place option").all_inner_texts()
    assert sorted(options) == ["alexnet, fp16, isolated, native clocks", "alexnet, fp32, isolated, native clocks"]


def test_a_frame_rate_and_its_misses_are_told(tmp_path: Path, opened: Any) -> None:
    header, records = a_run()
    timed = dataclasses.replace(header.spec.inferences[0], period_s=0.01)
    header = dataclasses.replace(header, spec=dataclasses.replace(header.spec, inferences=(timed,)))
    records = [
        dataclasses.replace(each, trial=dataclasses.replace(each.trial, inference=timed))
        if each.trial.inference
        else each
        for each in records
    ]
    page = opened(shown(tmp_path / "page.html", header, records))
    assert "every 10 ms" in page.locator("header").inner_text()
    page.locator("td[data-verdict]").focus()
    told = page.locator("#tip").inner_text()
    assert "deadlines missed" in told and "longest run of them" in told


@pytest.mark.parametrize("width", [360, 1200, 1400])
def test_nothing_is_wider_than_the_page(width: int, tx1: Shown, tmp_path: Path, opened: Any) -> None:
    header, records = a_run("/a/folder/somewhere/a-detector-with-a-long-name-of-its-own-and-more.onnx")
    for run in (tx1, shown(tmp_path / "page.html", header, records)):
        page = opened(run)
        page.set_viewport_size({"width": width, "height": 800})
        set_limit(page, "latency", 1.5)
        # Charts follow the window a moment later.
        page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width, timeout=5000)
        if width > 1000:
            around = page.evaluate_handle("document.querySelector('#choices-table').parentElement")
            assert around.evaluate("box => box.scrollWidth <= box.clientWidth")
