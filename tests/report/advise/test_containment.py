"""The best containment of each task as rows, and how it is set for good."""

from __future__ import annotations

import dataclasses

import pytest

from colocate.model.containment import parse_containment
from colocate.model.limits import Limits
from colocate.model.request import Task
from colocate.report.advise.containment import COLUMNS, containment_rows, recipes
from colocate.report.advise.load import AdviceReport
from colocate.report.advise.markdown import advice_markdown
from colocate.report.advise.terminal import print_advice
from colocate.report.advise.to_json import advice_json
from colocate.study.evidence import Evidence
from tests.report.advise.judged import P95, evidence_of, judged
from tests.study.tables import around, evidence


def contained(task: str, words: str, slowdown: float, share: float) -> Evidence:
    base = evidence_of()[1].cell
    own = dataclasses.replace(base, task=task, placement="shared", containment=parse_containment(words))
    return dataclasses.replace(evidence(own, {P95: around(slowdown)}), work_share=share)


def judged_contained(*found: Evidence) -> AdviceReport:
    """The advice on a run of these tasks."""
    tasks = tuple(Task(each.cell.task, containment=each.cell.containment) for each in found)
    return judged(Limits(max_slowdown=1.2), found, tasks=tasks)


@pytest.fixture
def report() -> AdviceReport:
    """Of bitcount, which idle and weight make SAFE, and of jpeg, which nothing does."""
    found = [
        contained("bitcount", "none", 1.98, 0.5), contained("bitcount", "idle", 1.02, 0.03),
        contained("bitcount", "weight=10", 1.08, 0.1), contained("jpeg", "none", 1.6, 0.5),
        contained("jpeg", "quota=20%/10", 1.25, 0.19),
    ]  # fmt: skip
    return judged_contained(*found)


def test_each_task_has_a_row_with_what_decides_and_what_it_gets_done(report: AdviceReport) -> None:
    bitcount, jpeg = (dict(zip(COLUMNS, row, strict=True)) for row in containment_rows(report))
    assert (bitcount["task"], bitcount["containment"], bitcount["verdict"]) == ("bitcount", "weight=10", "SAFE *")
    assert bitcount["estimate [interval]"].startswith("1.080 [1.0") and bitcount["limit"] == "1.2"
    assert (bitcount["power"], bitcount["speed"]) == ("8.00 W", "10 %")
    assert (jpeg["containment"], jpeg["verdict"]) == ("quota=20%/10", "UNSAFE")


def test_what_is_safe_and_contained_is_told_how_to_be_set(report: AdviceReport) -> None:
    (recipe,) = recipes(report)
    assert (
        recipe.title == "To keep bitcount shared with weight=10 on CPUs 0-2 for good (colocate itself ran on CPU 3)"
    )
    (_, drop_in), (title, writes) = recipe.parts
    assert list(drop_in) == ["[Service]", "AllowedCPUs=0-2", "CPUWeight=30"]
    assert title == "or with cgroup v2, as root" and "echo 30 > TASK/cpu.weight" in writes


def test_a_run_on_cgroup_v1_is_told_its_writes_too(report: AdviceReport) -> None:
    header = report.run.header
    old = dataclasses.replace(header, facts=dataclasses.replace(header.facts, confinement="cgroup-v1"))
    (recipe,) = recipes(dataclasses.replace(report, run=dataclasses.replace(report.run, header=old)))
    title, writes = recipe.parts[-1]
    assert "cgroup v1, as in this run" in title and "echo 307 > cpu/TASK/cpu.shares" in writes


def test_a_task_that_needs_no_containment_is_told_its_cpus_and_nothing_of_other_containments() -> None:
    found = [contained("bitcount", "none", 1.02, 0.9), contained("bitcount", "idle", 1.01, 0.03)]
    (recipe,) = recipes(judged_contained(*found))
    assert recipe.title == "To keep bitcount shared on CPUs 0-2 for good (colocate itself ran on CPU 3)"
    assert "AllowedCPUs=0-2" in recipe.parts[0][1]


def test_each_task_of_a_mix_has_its_own() -> None:
    parts = (Task("encoder", containment=parse_containment("idle")), Task("logger"))
    found = [contained("both", "none", 1.02, 0.9)]
    report = judged(Limits(max_slowdown=1.2), found, tasks=(Task("both", parts=parts),))
    ((row),) = containment_rows(report)
    assert dict(zip(COLUMNS, row, strict=True))["containment"] == "encoder idle"
    assert [recipe.title for recipe in recipes(report)] == [
        "To keep encoder in both shared with idle on CPUs 0-2 for good (colocate itself ran on CPU 3)",
        "To keep logger in both shared on CPUs 0-2 for good (colocate itself ran on CPU 3)",
    ]


def test_terminal_markdown_and_json_have_all_of_it(report: AdviceReport, capsys: pytest.CaptureFixture[str]) -> None:
    print_advice(report)
    for text in (capsys.readouterr().out, advice_markdown(report)):
        assert "Containment: each task's best choice" in text and "SAFE, the one nearest" in " ".join(text.split())
        assert "CPUWeight=30" in text and "TASK stands for" in text
    found = advice_json(report, report.run.folder)
    bitcount, jpeg = found["containments"]
    assert (bitcount["task"], bitcount["containment"], bitcount["verdict"]) == ("bitcount", "weight=10", "SAFE")
    assert (bitcount["work_share"], jpeg["verdict"], jpeg["decided_by"]) == (0.1, "UNSAFE", "slowdown_p95")
    (recipe,) = found["recipes"]
    assert "CPUWeight=30" in recipe["parts"]["/etc/systemd/system/TASK.service.d/containment.conf"]


def test_a_study_without_containment_says_nothing_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    print_advice(judged())
    assert "Containment" not in capsys.readouterr().out + advice_markdown(judged())
    assert advice_json(judged(), judged().run.folder)["containments"] == []


def test_each_part_of_a_mix_is_told_how_its_own_containment_is_set() -> None:
    idle, few = parse_containment("idle"), parse_containment("weight=10")
    mix = Task("both", containment=idle, parts=(Task("bitcount", containment=few), Task("jpeg", containment=idle)))
    found = judged(Limits(max_slowdown=1.2), [contained("both", "idle", 1.02, 0.3)], tasks=(mix,))
    said = [recipe.title for recipe in recipes(found)]
    assert said == [
        "To keep bitcount in both shared with weight=10 on CPUs 0-2 for good (colocate itself ran on CPU 3)",
        "To keep jpeg in both shared with idle on CPUs 0-2 for good (colocate itself ran on CPU 3)",
    ]  # fmt: skip


def test_a_containment_in_which_the_task_does_no_work_is_not_told_how_to_be_set() -> None:
    report = judged_contained(contained("bitcount", "none", 1.98, 0.5), contained("bitcount", "idle", 1.02, 0.002))
    (row,) = (dict(zip(COLUMNS, row, strict=True)) for row in containment_rows(report))
    assert (row["containment"], row["verdict"], row["speed"]) == ("idle", "SAFE", "0 %")
    assert recipes(report) == []
    assert "Trade-offs" not in advice_markdown(report), "and there is no choice to show"
