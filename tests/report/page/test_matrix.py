"""The matrix of the page: every cell once, at its network, clocks, placement, containment and task."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from colocate.model.containment import Containment
from colocate.model.request import ClockPoint
from colocate.report.page.matrix import MatrixColumn, matrix_of
from colocate.report.text.labels import clocks_column
from tests.report.drawn import cell

IDLE = Containment(idle=True)
POINTS = [ClockPoint(*both) for both in itertools.product((102_000_000, 921_600_000), (76_800_000, 998_400_000))]
# As `collect` orders them: by network, placement, clock point and task.
CELLS = [
    cell(network, placement=placement, clocks=point, task=task, containment=containment)
    for network in ("alexnet", "vgg16")
    for placement in ("isolated", "shared")
    for point in POINTS
    for task, containment in (("none", None), ("jpeg", None), ("jpeg", IDLE), ("bitcount", None), ("bitcount", IDLE))
]


def test_containments_and_tasks_stand_across() -> None:
    found = matrix_of(CELLS)
    assert found.containments == [("", 1), ("none", 2), ("idle", 2)]
    assert [column.heading for column in found.columns] == ["alone", "jpeg", "bitcount", "jpeg", "bitcount"]
    assert found.starts == {1, 3}


def test_networks_placements_and_clocks_stand_down() -> None:
    found = matrix_of(CELLS)
    places = [("alexnet", "isolated"), ("alexnet", "shared"), ("vgg16", "isolated"), ("vgg16", "shared")]
    assert [(group.name, group.how) for group in found.groups] == places and found.axes == "CPU/GPU"
    for group in found.groups:
        assert [row.clocks for row in group.rows] == ["102/76.8", "102/998.4", "921.6/76.8", "921.6/998.4"]


@given(st.lists(st.sampled_from(range(len(CELLS))), min_size=1, unique=True))
def test_every_cell_stands_once_in_its_place(chosen: list[int]) -> None:
    cells = [CELLS[index] for index in sorted(chosen)]
    found = matrix_of(cells)
    numbers = [n for group in found.groups for row in group.rows for n in row.cells if n is not None]
    assert sorted(numbers) == list(range(len(cells)))
    assert sum(n for _, n in found.containments) in (0, len(found.columns))
    for group in found.groups:
        for row in group.rows:
            for column, number in zip(found.columns, row.cells, strict=True):
                if number is not None:
                    own = cells[number]
                    assert (own.inference.network, own.placement) == (group.name, group.how)
                    assert clocks_column(own.clocks) == row.clocks
                    assert MatrixColumn.of(own) == column


def test_the_network_alone_comes_first() -> None:
    found = matrix_of([cell(task="jpeg"), cell(task="none"), cell(task="a")])
    assert [column.heading for column in found.columns] == ["alone", "jpeg", "a"]
    assert list(found.groups[0].rows[0].cells) == [1, 0, 2]


def test_one_containment_and_one_clock_point_need_no_heading() -> None:
    found = matrix_of([cell(task="none"), cell(containment=IDLE)])
    assert found.containments == [] and not found.axes and found.starts == frozenset()


def test_ways_to_run_a_network_are_told_apart() -> None:
    found = matrix_of([cell(precision="fp32"), cell(precision="fp16")])
    assert [(group.name, group.how) for group in found.groups] == [
        ("alexnet", "fp32, isolated"), ("alexnet", "fp16, isolated")
    ]  # fmt: skip


def test_no_cell_is_no_group() -> None:
    assert matrix_of([]).groups == []
