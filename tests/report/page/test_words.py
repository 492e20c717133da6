"""What the page says in sentences is what the bounds say in numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colocate.model.board import BoardState, PowerMode
from colocate.model.containment import Containment
from colocate.model.limits import Quantity
from colocate.model.machine import Missing
from colocate.model.trial import Failure
from colocate.report.page.render import CONFIDENCE
from colocate.report.page.words import (
    cells_words,
    failure_rows,
    findings,
    findings_of,
    machine_rows,
    network_rows,
    question,
    warning_rows,
)
from colocate.study.bounds import Bounds, bounds
from tests.report.drawn import cell
from tests.report.page.runs import a_run, loaded
from tests.study.tables import around, evidence


def judged(folder: Path, repeats: int = 4) -> Sequence[Bounds]:
    return bounds(loaded(folder, *a_run(repeats=repeats)).evidence, CONFIDENCE)


def test_a_slowdown_that_is_shown_is_found_with_its_bounds(tmp_path: Path) -> None:
    words = " ".join(findings(judged(tmp_path), CONFIDENCE))
    assert "p50 rises in 1 of 1 cell. The largest slowdown is beside jpeg at native clocks, a factor of 1.1" in words
    assert "The power of the board was not metered." in words
    assert "All of this holds for all cells at once, at 95 % confidence." in words


@pytest.mark.parametrize(
    ("networks", "words"),
    [
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c"], "a, b and c"),
        ([*"abcd"], "4 networks"),
        ([], "the network"),
    ],
)
def test_the_page_asks_about_its_networks(networks: list[str], words: str) -> None:
    assert question([cell(name) for name in networks]) == f"Which tasks may run beside {words}?"


def test_one_block_shows_a_slowdown_without_an_interval(tmp_path: Path) -> None:
    words = " ".join(findings(judged(tmp_path, repeats=1), CONFIDENCE))
    assert "p50 has no interval yet, it takes two repeats" in words
    assert "confidence" not in words


def test_a_network_without_a_task_says_so() -> None:
    assert findings([], CONFIDENCE) == ("No task has been measured beside it yet.",)


def rows_of_machine(**facts: Any) -> Mapping[str, Sequence[str]]:
    return dict(machine_rows(a_run(**facts)[0].facts))


@pytest.mark.parametrize(("cpus", "words"), [((0, 1, 2, 3, 8), "5: 0-3, 8"), ((5,), "1: 5"), ((2, 0), "2: 0, 2")])
def test_cpus_are_written_as_ranges(cpus: tuple[int, ...], words: str) -> None:
    assert rows_of_machine(cpus=cpus)["CPUs"] == [words]


def test_the_machine_says_what_it_is_missing_and_leaves_out_what_is_absent() -> None:
    rows = rows_of_machine(
        clocks_missing={"gpu": Missing("needs root", "sudo")}, cpu_steps_hz=(102_000_000, 1_734_000_000)
    )
    assert rows["clocks"] == ["gpu: needs root"]
    assert rows["CPU clock"] == ["2 steps, 102 to 1734 MHz"] and rows["GPU clock"] == ["cannot be set"]
    assert rows["power rails"] == ["none: power was not metered"]
    assert not {"memory", "GPUs", "board as found"} & rows.keys()


def test_how_a_jetson_was_set_stands_with_the_machine() -> None:
    rows = rows_of_machine(board=BoardState("32.6.1", PowerMode(1, "5W"), (2, 3)))
    assert {"power mode: 1 (5W)", "CPUs switched off: 2, 3"} <= {*rows["board as found"]}


def test_equal_failures_are_counted_and_a_warning_counts_its_cells(tmp_path: Path) -> None:
    header, records = a_run()
    failures = [Failure(records[at].trial, message) for at, message in ((0, "died"), (1, "died"), (2, "hung\n"))]
    assert failure_rows(failures) == [("died", 2), ("hung", 1)]
    cells = loaded(tmp_path, header, records).cells
    for name, count, remedy in warning_rows(cells):
        own = sum(name in {warning.value for warning in cell.warnings} for cell in cells)
        assert count == own > 0 and remedy
    assert cells_words(cells) == "1 cell with a task and 1 of a network alone"


def test_a_network_is_described_by_all_that_was_loaded() -> None:
    header, _ = a_run()
    header = dataclasses.replace(
        header, networks={"alexnet": {"name": "alexnet", "macs": 1582671872, "graph_sha256": "ab"}}
    )
    assert network_rows(header) == [("alexnet", ["1.58\N{NO-BREAK SPACE}GMAC, graph_sha256 ab"])]


def test_each_network_and_placement_has_the_findings_of_its_own_cells() -> None:
    cells = [cell(network, task="jpeg") for network in ("alexnet", "vgg16")]
    values = [{Quantity.SLOWDOWN_P50: around(ratio)} for ratio in (1.0, 1.5)]
    own = bounds([evidence(*each) for each in zip(cells, values, strict=True)])
    calm, slowed = findings_of(cells, own, 0.95)
    assert (calm.name, calm.placement, slowed.name) == ("alexnet", "isolated", "vgg16")
    assert tuple(calm.sentences) == findings(own[:1], 0.95) and "rises significantly in no cell" in calm.sentences[0]
    assert tuple(slowed.sentences) == findings(own[1:], 0.95) and "rises in 1 of 1 cell" in slowed.sentences[0]
    (alone,) = findings_of([cell(task="none")], (), 0.95)
    assert tuple(alone.sentences) == findings((), 0.95)


def test_of_cells_that_look_equal_the_simplest_is_named() -> None:
    cells = [
        cell(task="jpeg", containment=each) for each in (Containment(quota_ratio=0.2), Containment(idle=True), None)
    ]
    losses = [{Quantity.WORK_LOSS: np.full(5, loss)} for loss in (0.0453, 0.0452, 0.0451)]
    words = " ".join(findings(bounds([evidence(*each) for each in zip(cells, losses, strict=True)]), 0.95))
    assert "jpeg at native clocks loses most" in words
    losses[0] = {Quantity.WORK_LOSS: np.full(5, 0.06)}
    words = " ".join(findings(bounds([evidence(*each) for each in zip(cells, losses, strict=True)]), 0.95))
    assert "jpeg (quota=20%) at native clocks loses most" in words


def test_ways_to_run_a_network_have_findings_each() -> None:
    found = findings_of([cell(precision="fp32"), cell(precision="fp16")], (), 0.95)
    assert [(each.name, each.how) for each in found] == [("alexnet", "fp32"), ("alexnet", "fp16")]
