"""What stands in each panel of a heatmap."""

from __future__ import annotations

import dataclasses

from colocate.model.cell import Cell
from colocate.model.containment import Containment
from colocate.model.request import ClockPoint
from colocate.report.sweep.metrics import METRICS
from colocate.report.sweep.panels import by_containment, by_task, common_words, wings_of
from tests.report.drawn import cell

P50, POWER = METRICS[0], METRICS[3]
IDLE = Containment(idle=True)
LOW, HIGH = ClockPoint(102_000_000, 76_800_000), ClockPoint(921_600_000, 998_400_000)


def test_the_network_alone_has_a_column_where_the_quantity_is_known_of_it() -> None:
    cells = [cell(task="jpeg", power_w=8.0), cell(task="none", slowdown_p50=None, power_w=7.0)]
    assert [*by_task(P50, cells).heads.values()] == [("jpeg", "")]
    assert [*by_task(POWER, cells).heads.values()] == [("alone", ""), ("jpeg", "")]


def test_tasks_have_a_column_for_each_containment() -> None:
    cells = [cell(task=task, containment=bound) for task in ("bitcount", "jpeg") for bound in (None, IDLE)]
    panels = by_task(P50, cells)
    assert [*panels.heads.values()] == [("bitcount", ""), ("bitcount", "idle"), ("jpeg", ""), ("jpeg", "idle")]
    assert len({panels.place_of(own) for own in cells}) == len(cells)
    assert (panels.line_title, *panels.lines.values(), *panels.feet.values()) == ("", "", "")


def contained(*points: ClockPoint) -> list[Cell]:
    return [
        cell(task=task, containment=bound, clocks=point)
        for point in points for task in ("bitcount", "jpeg") for bound in (None, IDLE)
    ]  # fmt: skip


def test_containments_stand_across_and_tasks_at_each_clock_point_down() -> None:
    one = by_containment(contained(LOW))
    assert [*one.heads.values()] == [("none", ""), ("idle", "")] and [*one.lines.values()] == ["bitcount", "jpeg"]
    cells = contained(LOW, HIGH)
    several = by_containment(cells)
    assert [*several.lines.values()] == [
        "bitcount 102/76.8", "bitcount 921.6/998.4", "jpeg 102/76.8", "jpeg 921.6/998.4",
    ]  # fmt: skip
    assert (one.line_title, several.line_title) == ("", "CPU/GPU MHz")
    assert len({several.place_of(own) for own in cells}) == len(cells)
    assert {several.place_of(own)[0] for own in cells} == {*several.lines}
    memory = contained(*(dataclasses.replace(LOW, emc_hz=hz) for hz in (68_000_000, 1_600_000_000)))
    assert [*by_containment(memory).lines.values()] == ["bitcount", "jpeg"]


def test_grids_stand_side_by_side_for_placements_and_memory_clocks() -> None:
    assert [*wings_of([cell()]).items()] == [(("isolated", None), "")]
    points = [dataclasses.replace(HIGH, emc_hz=hz) for hz in (1_600_000_000, None)]
    cells = [cell(clocks=point) for point in points]
    assert wings_of(cells) == {("isolated", None): "memory native", ("isolated", 1_600_000_000): "memory 1600 MHz"}
    assert common_words(cells) == ["isolated", "921.6/998.4 MHz (CPU/GPU)"]
    assert common_words(
        [*cells[:1], cell(placement="shared", clocks=dataclasses.replace(LOW, emc_hz=1_600_000_000))]
    ) == ["memory 1600 MHz"]
