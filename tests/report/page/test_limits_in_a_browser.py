"""Limits and verdicts in a browser: those of `study.advice`, whatever is set."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from colocate.model.containment import Containment
from colocate.model.limits import STATISTICS, Limits, Quantity
from colocate.model.trial import Work
from colocate.report.advise.answer import answers, rule_words
from colocate.report.advise.load import advise_on
from colocate.study.advice import Verdict, advise, deciding
from colocate.study.evidence import Evidence
from colocate.study.sequential import Schedule
from tests.report.page.browser import decided_by, set_limit, set_limits, verdicts
from tests.report.page.runs import Shown, a_run, shown

if TYPE_CHECKING:
    from tests.report.page.browser import Opened


def some_limits(evidence: Sequence[Evidence], count: int) -> list[Limits]:
    """Limits where verdicts turn: means of cells, and bounds to the last digit."""
    picks = random.Random(6)
    found = []
    ends = {q: sorted({end for r in advise(evidence, limit_of(q)).rulings for check in r.checks
                       if check.interval for end in dataclasses.astuple(check.interval) if end})
            for q in Quantity}  # fmt: skip
    for n, statistic in zip(range(count), itertools.cycle(STATISTICS), strict=False):
        latency = Quantity.latency(statistic) if n % 2 else Quantity.slowdown(statistic)
        # The page is given milliseconds.
        slo_ms = 1e3 * picks.choice(ends[latency] or [0.05])
        slowdown = max(1.0001, picks.choice(ends[latency] or [1.1]))
        loss = [end for end in ends[Quantity.WORK_LOSS] if 0 < end < 1]
        found.append(
            Limits(
                slo_s=slo_ms / 1e3 if n % 2 else None,
                max_slowdown=None if n % 2 else slowdown,
                percentile=statistic,
                power_budget_w=picks.choice(ends[Quantity.POWER]) if n % 3 else None,
                max_work_loss=picks.choice(loss) if n % 5 == 0 else None,
            )
        )
    return found


def limit_of(quantity: Quantity) -> Limits:
    """Any limit on `quantity`, to get at its bounds."""
    statistic = next((s for s in STATISTICS if quantity in (Quantity.latency(s), Quantity.slowdown(s))), "p95")
    return Limits(
        slo_s=1.0 if quantity.kind == "latency" else None,
        max_slowdown=2.0 if quantity.kind == "slowdown" else None,
        power_budget_w=1.0 if quantity.kind == "power" else None,
        max_work_loss=0.5 if quantity.kind == "work" else None,
        percentile=statistic,
    )


@pytest.mark.parametrize("name", ["tx1", "server"])
def test_verdicts_and_choices_are_those_of_the_advice(
    name: str, opened: Opened, request: pytest.FixtureRequest
) -> None:
    run: Shown = request.getfixturevalue(name)
    page = opened(run)
    cells = [each.cell for each in run.evidence]
    seen = set()
    for limits in some_limits(run.evidence, 40):
        set_limits(page, limits)
        advice = advise(run.evidence, limits)
        assert verdicts(page) == [ruling.verdict.value for ruling in advice.rulings], limits
        assert decided_by(page) == [deciding(ruling).quantity.value for ruling in advice.rulings], limits
        seen |= {ruling.verdict for ruling in advice.rulings}
        if any(choice.cell.power_w is None for choice in advice.choices):
            continue
        rows = page.eval_on_selector_all(
            "#choices-table tr[data-cell]", "rows => rows.map(row => ({...row.dataset}))"
        )
        watts = page.eval_on_selector_all(
            "#choices-table tr[data-best=true]", "rows => rows.map(row => Number(row.cells[5].textContent))"
        )
        assert watts == pytest.approx(
            [choice.cell.power_w for choice in advice.choices if choice.best_of_task], rel=0.006
        )
        for mark, wanted in (("best", "best_of_task"), ("front", "on_front")):
            marked = {int(row["cell"]) for row in rows if row[mark] == "true"}
            assert marked == {cells.index(choice.cell) for choice in advice.choices if getattr(choice, wanted)}, (
                limits
            )
    assert seen == set(Verdict)


@pytest.mark.parametrize(
    "limits",
    [
        Limits(max_slowdown=1.07, percentile="p50", power_budget_w=30.0, confidence=0.9),
        Limits(slo_s=0.0117, max_slowdown=1.5, percentile="mean"),
        Limits(slo_s=0.0117, percentile="p50"),
        Limits(max_work_loss=0.2),
    ],
)
def test_the_page_begins_with_the_limits_and_the_looks_of_the_study(
    limits: Limits, tmp_path: Path, opened: Opened
) -> None:
    header, records = a_run(repeats=6)
    spec = dataclasses.replace(header.spec, limits=limits, until_decided=True, repeats=30)
    run = shown(tmp_path, dataclasses.replace(header, spec=spec, planned=1000), records)
    page = opened(run)
    assert not page.locator("#unfinished").count(), "it is for the data to say when enough was measured"
    assert verdicts(page) == [ruling.verdict.value for ruling in advise(run.evidence, limits, Schedule(30)).rulings]
    power = page.locator("[data-limit=power-budget-w]")
    assert power.locator(".on").is_checked() == (limits.power_budget_w is not None)
    assert page.locator("#spoken").inner_text().startswith("Limits of the study: ")


@pytest.mark.parametrize("done", [100.0, 200.0])
def test_a_choice_names_its_containment_once_and_the_simplest_is_recommended(
    done: float, tmp_path: Path, opened: Opened
) -> None:
    header, records = a_run()
    free = header.spec.tasks[0]
    idle = dataclasses.replace(free, containment=Containment(idle=True))
    for each in [each for each in records if each.trial.task]:
        trial = dataclasses.replace(each.trial, task=idle, trial_id=f"idle {each.trial.trial_id}")
        records.append(dataclasses.replace(each, trial=trial, work=Work("pictures", done, 2.0, 2.0)))
    spec = dataclasses.replace(header.spec, tasks=(free, idle))
    run = shown(tmp_path, dataclasses.replace(header, spec=spec), records)
    page = opened(run)
    limits = Limits(max_slowdown=2.0, percentile="p50")
    set_limits(page, limits)
    names = page.eval_on_selector_all(
        "#choices-table tr[data-cell]", "rows => rows.map(row => row.cells[2].textContent)"
    )
    assert names.count("jpeg (idle)") == 1
    assert {*names} <= {"jpeg (no containment)", "jpeg (idle)"}
    (found,) = page.eval_on_selector_all(
        "#choices-table tr[data-best=true]", "rows => rows.map(r => r.cells[2].textContent)"
    )
    (choice,) = advise(run.evidence, limits).recommended
    contained = "(no containment)" if choice.cell.containment is None else "(idle)"
    assert found == f"jpeg {contained}"
    assert f"Best choice: jpeg {contained}, isolated" in page.locator("#answers").inner_text()
    assert choice.cell.containment == (None if done == 100.0 else Containment(idle=True))


def test_no_choice_in_which_the_task_does_no_work_is_the_best(tmp_path: Path, opened: Opened) -> None:
    header, records = a_run()
    nothing = Work("pictures", 0.001, 2.0, 2.0)
    records = [
        dataclasses.replace(each, work=nothing) if each.trial.task and each.trial.inference else each
        for each in records
    ]
    run, limits = shown(tmp_path, header, records), Limits(max_slowdown=5.0, percentile="p50")
    page = opened(run)
    set_limits(page, limits)
    (choice,) = advise(run.evidence, limits).choices
    assert choice.idle and not choice.recommended
    assert "No best choice: where a task is SAFE it does next to no work." in page.locator("#answers").inner_text()


def test_a_best_choice_whose_network_is_far_slower_says_so(server: Shown, opened: Opened) -> None:
    page = opened(server)
    set_limits(page, Limits(max_slowdown=3.0, percentile="mean"))
    said = (
        "The network is 1.9 times as slow there as in the fastest of all SAFE choices: stringsearch, isolated, "
        "native clocks"
    )
    assert said in page.locator("#answers").inner_text()


def test_the_best_of_every_task_is_named_and_its_cell_has_a_star(tx1: Shown, opened: Opened) -> None:
    page = opened(tx1)
    limits = Limits(slo_s=0.03, power_budget_w=9.0)
    set_limits(page, limits)
    advice = advise(tx1.evidence, limits)
    of_tasks = [choice for choice in advice.choices if choice.best_of_task]
    count = Counter(choice.cell.inference for choice in of_tasks)
    # The only one of a network stands behind its name.
    best = [choice for choice in of_tasks if count[choice.cell.inference] > 1]
    said = page.locator("#answers li li").all_inner_texts()
    assert len(said) == len(best) > 0
    assert all(line.startswith(f"{each.cell.task}, ") for line, each in zip(said, best, strict=True))
    told = [line for answer in answers(advise_on(tx1.run, limits)) for line in (answer.headline, *answer.more)]
    for sentence in ("For more work and a faster network: ", " times as slow there as in the fastest of all "):
        shown_lines = page.locator("#answers").inner_text().count(sentence)
        assert shown_lines == sum(sentence in line for line in told), sentence
    cells = [each.cell for each in tx1.evidence]
    starred = page.eval_on_selector_all(
        "td[data-verdict]",
        "tds => tds.filter(td => td.textContent.includes('★')).map(td => Number(td.dataset.cell))",
    )
    assert sorted(starred) == sorted(cells.index(choice.cell) for choice in of_tasks)
    assert page.locator("#rule").inner_text() == rule_words(advise_on(tx1.run, limits))


def test_where_nothing_is_safe_the_answer_counts_what_decided(tx1: Shown, opened: Opened) -> None:
    page = opened(tx1)
    limits = Limits(slo_s=0.03, power_budget_w=1.0)
    set_limits(page, limits)
    assert set(verdicts(page)) == {"UNSAFE"}
    (first, *_) = page.locator("#answers li").all_inner_texts()
    rulings = [
        ruling for ruling in advise(tx1.evidence, limits).rulings if ruling.cell.inference.network == "alexnet"
    ]
    count = sum(deciding(ruling).quantity is Quantity.POWER for ruling in rulings)
    assert f"Nothing is SAFE: power (limit 1\N{NO-BREAK SPACE}W) decides {count} of {len(rulings)} cells" in first


def test_latencies_open_on_the_recommended_place_with_the_limit(tmp_path: Path, opened: Opened) -> None:
    header, records = a_run(repeats=6)
    limits = Limits(slo_s=0.0117, percentile="p50")
    page = opened(
        shown(tmp_path, dataclasses.replace(header, spec=dataclasses.replace(header.spec, limits=limits)), records)
    )
    assert "limit 11.7\N{NO-BREAK SPACE}ms at p50" in page.locator("#distribution text").all_text_contents()
    assert page.locator("#distribution line.limit").count() == 1
    set_limit(page, "slo-ms", 5000.5)
    beyond = page.locator("#distribution text.limit").text_content()
    assert beyond == "limit 5000.5\N{NO-BREAK SPACE}ms at p50 \N{RIGHTWARDS ARROW}"
    assert page.locator("#distribution line.limit").count() == 0, "it would squeeze the curves"
    set_limit(page, "slo-ms", None)
    set_limit(page, "max-slowdown", 1.5)
    assert page.locator("#distribution .limit").count() == 0


def test_one_block_decides_nothing(tmp_path: Path, opened: Opened) -> None:
    run = shown(tmp_path, *a_run(repeats=1))
    page = opened(run)
    set_limit(page, "max-slowdown", 50.0)
    assert verdicts(page) == ["UNDECIDED"]
    assert "no interval" in page.locator("td[data-verdict]").inner_text()


def test_limits_that_make_no_sense_judge_nothing(server: Shown, opened: Opened) -> None:
    page = opened(server)
    for name, value in (("max-slowdown", 0.9), ("slo-ms", 0.0), ("power-budget-w", -1.0), ("max-work-loss", 1.0)):
        set_limit(page, name, value)
        assert set(verdicts(page)) == {""}
        assert "must be" in page.locator(f"[data-limit={name}] .problem").inner_text()
        set_limit(page, name, None)
    assert set(verdicts(page)) == {""} and "Set a limit" in page.locator("#tally").inner_text()


def test_a_slider_moved_by_keys_sets_the_number_and_the_verdicts(tx1: Shown, opened: Opened) -> None:
    page = opened(tx1)
    box = page.locator("[data-limit=max-slowdown]")
    found = {}
    for key in ("Home", "PageUp", "End"):
        box.locator("input[type=range]").press(key)
        limit = float(box.locator("input[type=number]").input_value())
        found[limit] = verdicts(page)
        wanted = advise(tx1.evidence, Limits(max_slowdown=limit))
        assert found[limit] == [ruling.verdict.value for ruling in wanted.rulings]
    assert len(found) == 3 and found[min(found)] != found[max(found)]


def test_an_example_limit_is_called_one_until_it_is_changed(server: Shown, opened: Opened) -> None:
    page = opened(server)
    spoken = page.locator("#spoken")
    assert spoken.inner_text().startswith(
        "An example limit, as the study sets none: slowdown p95 ≤\N{NO-BREAK SPACE}1.05"
    )
    set_limit(page, "max-slowdown", 1.2)
    assert (
        spoken.inner_text()
        == "Limits set on this page: slowdown p95 ≤\N{NO-BREAK SPACE}1.2\N{NO-BREAK SPACE}\N{MULTIPLICATION SIGN}."
    )


def test_a_cell_shows_the_quantity_that_decided_with_its_limit(tx1: Shown, opened: Opened) -> None:
    page = opened(tx1)
    limits = Limits(slo_s=0.03, power_budget_w=9.0)
    set_limits(page, limits)
    spans = page.eval_on_selector_all(
        "td[data-verdict]",
        "tds => tds.sort((a, b) => a.dataset.cell - b.dataset.cell).map(td => td.querySelector('.span').textContent)",
    )
    signs = {Verdict.SAFE: " ≤", Verdict.UNSAFE: " >", Verdict.UNDECIDED: ", limit"}
    words = {Quantity.LATENCY_P95: ("latency p95", "30 ms"), Quantity.POWER: ("power", "9 W")}
    rulings = advise(tx1.evidence, limits).rulings
    named = [(words[deciding(ruling).quantity], signs[ruling.verdict]) for ruling in rulings]
    assert [span.replace("\N{NO-BREAK SPACE}", " ") for span in spans] == [
        f"{name}{sign} {limit}" for (name, limit), sign in named
    ]
    # A unit stays on the line of its number.
    assert all(span.endswith(("30\N{NO-BREAK SPACE}ms", "9\N{NO-BREAK SPACE}W")) for span in spans)
    assert len(set(spans)) >= 3


def test_the_address_holds_the_state_and_the_command_gives_it(tmp_path: Path, opened: Opened) -> None:
    header, records = a_run(repeats=6)
    limits = Limits(slo_s=0.0117, power_budget_w=30.0)
    run = shown(
        tmp_path / "my run",
        dataclasses.replace(header, spec=dataclasses.replace(header.spec, limits=limits)),
        records,
    )
    page = opened(run)
    assert page.evaluate("location.hash") == ""
    assert page.locator("#command").inner_text() == (
        "python -m colocate advise 'my run' --slo-ms 11.7 --power-budget-w 30 --percentile p95"
    )
    set_limit(page, "power-budget-w", None)
    set_limit(page, "max-slowdown", 1.2)
    page.locator("#percentile").select_option("p50")
    page.locator("#view").select_option("work_loss_ratio")
    limits_now = "--slo-ms 11.7 --max-slowdown 1.2 --percentile p50 --without power-budget-w"
    command = f"python -m colocate advise 'my run' {limits_now}"
    assert page.locator("#command").inner_text() == command
    found, values = verdicts(page), page.locator("#matrix").inner_text()
    page.reload()
    assert (verdicts(page), page.locator("#matrix").inner_text()) == (found, values)
    assert page.locator("#command").inner_text() == command
