"""The best containment of each task as rows of a table, and how to set it permanently, in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from colocate.model.containment import Containment, containment_words
from colocate.model.number_ranges import number_ranges
from colocate.model.request import Task
from colocate.report.advise.drop_in import drop_in, remarks, thread_writes, version_1_writes, version_2_writes
from colocate.report.advise.load import AdviceReport
from colocate.report.advise.words import interval_words, judged_cells, limit_words
from colocate.report.text.labels import ContainedTask, clocks_column, inferences_of, network_words, shortened
from colocate.report.text.numbers import listed, percent_text, three_digits
from colocate.study.plan import placement
from colocate.study.verdicts import deciding

# Columns by name, and whether their text may be broken into lines.
COLUMNS = {
    "network": True,
    "task": True,
    "placement": False,
    "containment": False,
    "CPU/GPU MHz": False,
    "verdict": False,
    "tightest limit": True,
    "estimate [interval]": False,
    "limit": False,
    "power": False,
    "speed": False,
}
# Left out first where a terminal is too narrow: what decided has its value beside it.
SPARE = ("power", "limit", "tightest limit")
# Shown even if all rows are the same.
KEPT = ("task", "containment", "verdict", "estimate [interval]")
TITLE = (
    "Containment: each task's best choice in each placement; * marks its best of all. Where none is SAFE, the one "
    "nearest to SAFE."
)
WHERE = "TASK stands for the task's service or group, PID for its process."


def containment_rows(report: AdviceReport) -> Iterable[tuple[str, ...]]:
    """Rows under `COLUMNS`: one for each task beside each network, in each placement."""
    among, asked = inferences_of(judged_cells(report)), _asked(report)
    for each in report.contained:
        cell, check = each.ruling.cell, deciding(each.ruling)
        yield (
            network_words(cell.inference, among),
            shortened(cell.task),
            cell.placement,
            _bound_words(asked[ContainedTask.of(cell)]),
            clocks_column(cell.clocks),
            each.ruling.verdict.value + (" *" if each.best_of_task else ""),
            check.quantity.words,
            interval_words(check.quantity, check.interval),
            limit_words(check.quantity, check.limit),
            # Not twice in one row.
            "" if cell.power_w is None or check.quantity.kind == "power" else f"{three_digits(cell.power_w)} W",
            "" if each.work_share is None else percent_text(each.work_share),
        )


def _asked(report: AdviceReport) -> Mapping[ContainedTask, Task]:
    return {ContainedTask(task.name, task.containment): task for task in report.run.header.spec.tasks}


def _bound_words(task: Task) -> str:
    """The containment of a task, as `idle`; of a mix whose tasks differ, as `encoder idle, logger weight=10`."""
    bounds = {member.containment for member in task.members}
    if len(bounds) == 1:
        return containment_words(bounds.pop())
    bounded = [member for member in task.members if member.containment is not None]
    return ", ".join(f"{shortened(member.name)} {containment_words(member.containment)}" for member in bounded)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to set a containment permanently on the CPUs of a placement.

    Each of `parts` is a title with lines to copy. `remarks` are sentences on what else is needed.
    """

    title: str
    parts: Sequence[tuple[str, Sequence[str]]]
    remarks: Sequence[str]


def recipes(report: AdviceReport) -> list[Recipe]:
    """One recipe for each pair of containment and placement that is the best choice of some task."""
    asked = _asked(report)
    names: defaultdict[tuple[Containment | None, str], list[str]] = defaultdict(list)
    for each in report.contained:
        cell = each.ruling.cell
        # Each task of a mix has a containment of its own.
        task = asked[ContainedTask.of(cell)]
        within = f" in {shortened(task.name)}" if task.parts else ""
        for member in task.members if each.best_of_task else ():
            names[member.containment, cell.placement].append(f"{shortened(member.name)}{within}")
    return [_recipe(report, *where, list(dict.fromkeys(tasks))) for where, tasks in names.items()]


def remarks_on(recipes: Sequence[Recipe]) -> str:
    """What placeholders stand for, and the remarks of all `recipes`, each sentence once."""
    return " ".join([WHERE, *dict.fromkeys(remark for recipe in recipes for remark in recipe.remarks)])


def _recipe(report: AdviceReport, containment: Containment | None, name: str, tasks: Sequence[str]) -> Recipe:
    spec, facts = report.run.header.spec, report.run.header.facts
    places = placement(name, spec.inference_cpus, facts.cpus)
    cpus, shared = places.task_cpus, not {*places.task_cpus}.isdisjoint(places.inference_cpus)
    spared = [cpu for cpu in places.housekeeping_cpus if cpu not in (*cpus, *places.inference_cpus)]
    parts = [
        ("/etc/systemd/system/TASK.service.d/containment.conf", drop_in(containment, cpus, shared=shared)),
        ("or with cgroup v2, as root", version_2_writes(containment, cpus, shared=shared)),
    ]
    if "cgroup-v1" in facts.confinement:
        parts.append(
            ("or with cgroup v1, as in this run, as root", version_1_writes(containment, cpus, shared=shared))
        )
    if thread := thread_writes(containment):
        parts.append(("and for the launching thread of the network, as root", thread))
    where = f"CPUs {number_ranges(cpus)}" if len(cpus) > 1 else f"CPU {cpus[0]}"
    own = f" (colocate itself ran on CPU {number_ranges(spared)})" if spared else ""
    bound = "" if containment is None else f" with {containment.words}"
    title = f"To keep {listed(tasks)} {name}{bound} on {where} for good{own}"
    return Recipe(title, parts, remarks(containment, cpus, shared=shared))
