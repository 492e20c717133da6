"""The tables of the page: every cell once, at its clock point and task."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from colocate.model.cell import Cell
from colocate.model.containment import Containment
from colocate.model.limits import Quantity
from colocate.model.request import ClockPoint
from colocate.report.page.tables import Table, tables_of
from colocate.report.page.words import findings
from colocate.report.text.labels import clock_text
from colocate.study.bounds import bounds
from tests.report.drawn import cell
from tests.study.tables import around, evidence

CPU_HZ, GPU_HZ = (102_000_000, 921_600_000), (76_800_000, 998_400_000)
POINTS = [ClockPoint(*both) for both in itertools.product(CPU_HZ, GPU_HZ)]
# As `collect` orders them: by network, placement, clock point and task.
CELLS = [
    cell(network, placement=placement, clocks=point, task=task)
    for network in ("alexnet", "vgg16")
    for placement in ("isolated", "shared")
    for point in POINTS
    for task in ("none", "jpeg", "bitcount")
]


def tables(cells: Sequence[Cell]) -> list[Table]:
    return tables_of(cells, (), 0.95)


def test_each_network_and_placement_has_a_table_with_clocks_down_and_tasks_across() -> None:
    found = tables(CELLS)
    assert [(table.name, table.placement, table.network) for table in found] == [
        ("alexnet", "isolated", 0), ("alexnet", "shared", 0), ("vgg16", "isolated", 1), ("vgg16", "shared", 1),
    ]  # fmt: skip
    for table in found:
        assert [name for name, _ in table.tasks] == ["alone", "jpeg", "bitcount"] and table.clocked
        assert [(row.cpu, row.gpu) for row in table.rows] == [
            ("102", "76.8"), ("102", "998.4"), ("921.6", "76.8"), ("921.6", "998.4"),
        ]  # fmt: skip
        assert [row.cpu_rows for row in table.rows] == [2, 0, 2, 0]


@given(st.lists(st.sampled_from(range(len(CELLS))), min_size=1, unique=True))
def test_every_cell_stands_once_at_its_clocks_and_task(chosen: list[int]) -> None:
    cells = [CELLS[index] for index in sorted(chosen)]
    found = tables(cells)
    numbers = [number for table in found for row in table.rows for number in row.cells if number is not None]
    assert sorted(numbers) == list(range(len(cells)))
    for table in found:
        # A CPU clock is written over as many rows as there are.
        assert sum(row.cpu_rows for row in table.rows) == len(table.rows)
        places = [(row, *pair) for row in table.rows for pair in zip(table.tasks, row.cells, strict=True)]
        for row, (task, _), number in places:
            if number is not None:
                own = cells[number]
                assert (own.inference.network, own.placement) == (table.name, table.placement)
                assert own.task == ("none" if task == "alone" else task)
                assert (clock_text(own.clocks.cpu_hz), clock_text(own.clocks.gpu_hz)) == (row.cpu, row.gpu)


def test_the_network_alone_comes_first_whenever_it_was_measured() -> None:
    (table,) = tables([cell(task="jpeg"), cell(task="none"), cell(task="a")])
    assert list(table.tasks) == [("alone", ""), ("jpeg", ""), ("a", "")]
    (row,) = table.rows
    assert list(row.cells) == [1, 0, 2]


def test_each_containment_of_a_task_has_a_column() -> None:
    idle = Containment(idle=True)
    (table,) = tables([cell(task="none"), cell(containment=idle), cell(), cell(task="a", containment=idle)])
    assert list(table.tasks) == [("alone", ""), ("jpeg", "idle"), ("jpeg", ""), ("a", "idle")]
    (row,) = table.rows
    assert list(row.cells) == [0, 1, 2, 3]


def test_native_clocks_alone_need_no_column() -> None:
    (table,) = tables([cell()])
    assert not table.clocked and [(row.cpu, row.gpu) for row in table.rows] == [("native", "native")]
    (table,) = tables([cell(clocks=ClockPoint(None, 76_800_000))])
    assert table.clocked


def test_ways_to_run_a_network_are_told_apart() -> None:
    found = tables([cell(precision="fp32"), cell(precision="fp16")])
    assert [(table.name, table.how, table.network) for table in found] == [
        ("alexnet", "fp32", 0), ("alexnet", "fp16", 1),
    ]  # fmt: skip


def test_a_table_has_the_findings_of_its_own_cells() -> None:
    cells = [cell(network, task="jpeg") for network in ("alexnet", "vgg16")]
    values = [{Quantity.SLOWDOWN_P50: around(ratio)} for ratio in (1.0, 1.5)]
    judged = bounds([evidence(*each) for each in zip(cells, values, strict=True)])
    calm, slowed = tables_of(cells, judged, 0.95)
    assert tuple(calm.findings) == findings(judged[:1], 0.95) and "No slowdown" in calm.findings[0]
    assert tuple(slowed.findings) == findings(judged[1:], 0.95) and "is slowed in 1 of 1 cell" in slowed.findings[0]
    (alone,) = tables([cell(task="none")])
    assert tuple(alone.findings) == findings((), 0.95)


def test_no_cell_is_no_table() -> None:
    assert tables([]) == []
