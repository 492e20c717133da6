"""Cells, runs made of them, and the figures of a run, read back."""

from __future__ import annotations

import contextlib
import dataclasses
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from colocate.model.cell import Cell, Interval
from colocate.model.machine import HostFacts
from colocate.model.request import ClockPoint, Inference, Placement, SweepSpec, Task
from colocate.model.trial import Trial, TrialRecord
from colocate.report.drawing.ink import _LEFT, Box, Boxes, Line, Lines, text_width_in
from colocate.report.drawing.saving import Drawing, one_page
from colocate.report.run_report import LoadedRun
from colocate.report.sections import section_of
from colocate.report.text.captions import Caption, caption_of
from colocate.store.run_file import Header
from colocate.study.evidence import Evidence

NATIVE = ClockPoint()
BASE = Cell(
    inference=Inference("alexnet", "onnxruntime"), task="jpeg", placement="isolated",
    clocks=NATIVE, n=1500, blocks=5, p50_s=0.0123, slowdown_p50=Interval(1.13, 1.09, 1.17),
)  # fmt: skip


def cell(network: str = "alexnet", **values: Any) -> Cell:
    """`BASE` with other values, of the cell or of how its network is run."""
    settings = {key: values.pop(key) for key in ("precision", "batch", "graph", "period_s") if key in values}
    return dataclasses.replace(
        BASE, inference=dataclasses.replace(BASE.inference, network=network, **settings), **values
    )


def records_of(cells: Sequence[Cell], n: int = 40) -> list[TrialRecord]:
    """A window of so many inferences for each cell."""
    random = np.random.default_rng(1)
    return [
        TrialRecord(
            Trial(
                str(number), 0, 0, own.inference,
                None if own.task == "none" else Task(own.task), own.clocks,
                Placement(own.placement, (0,), (1,), (1,)), 0.3, 0.2, 2.0,
            ),
            0.0, 2.0, np.linspace(0.0, 2.0, n), 0.012 + random.exponential(0.001, n),
        )
        for number, own in enumerate(cells)
    ]  # fmt: skip


def header(rig: str = "host", planned: int = 0, **facts: Any) -> Header:
    """Of a sweep of one network beside one task; `facts` are of its machine."""
    machine = HostFacts(
        rig=rig, machine_id="m", architecture="x86_64", cpu_model="Acme Nine 9000", cpus=(0, 1),
        last_level_cache_bytes=None, kernel="6", confinement="none",
    )  # fmt: skip
    spec = SweepSpec((Inference("alexnet"),), (Task("jpeg"),), rig=rig)
    machine = dataclasses.replace(machine, **facts)
    return Header(request={}, spec=spec, facts=machine, networks={}, provenance=None, planned=planned)


def loaded(
    cells: Sequence[Cell], records: Sequence[TrialRecord] = (), of: Header | None = None, folder: Path = Path("run")
) -> LoadedRun:
    """A run that shows just these cells."""
    evidence = tuple(Evidence(each, {}, {}, {}) for each in cells)
    return LoadedRun(folder, of or header(), tuple(records), (), evidence)


def draw_all(
    folder: Path, cells: Sequence[Cell], records: Sequence[TrialRecord] = (), of: Header | None = None
) -> tuple[Path, ...]:
    """Every figure of that run as a report draws it, in files."""
    run = loaded(cells, records, of)
    section = section_of(run.header.purpose)
    caption = caption_of(run.header, run.cells, run.records)
    with contextlib.closing(Drawing(section.figures(section.load(run, {}), run, caption))) as drawing:
        return drawing.save(folder)


def save_one(folder: Path, name: str, draw: Callable[[], Figure | None]) -> tuple[Path, ...]:
    """A figure of one page as a report draws it, in files."""
    return save_pages(folder, name, lambda: one_page(draw()))


def save_pages(folder: Path, name: str, draw: Callable[[], Sequence[Figure]]) -> tuple[Path, ...]:
    """The same of a figure of several pages."""
    with contextlib.closing(Drawing([(name, draw)])) as drawing:
        return drawing.save(folder)


def texts(svg: Path) -> list[str]:
    """Every text of an SVG, as a reader of the XML sees it."""
    root = ElementTree.parse(svg).getroot()
    return ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]


def words_on(figure: Figure) -> list[str]:
    """Every text of a figure."""
    labels = (item.get_text() for item in figure.findobj() if isinstance(item, Text))
    return [*(line.words for line in lines_on(figure)), *labels]


def cut_words(figure: Figure) -> list[str]:
    """Whatever words are not whole on the page of a figure."""
    width_in = figure.get_figwidth()
    found = []
    for line in lines_on(figure):
        long_in = text_width_in(line.words, line.size, line.weight)
        left_in = line.x - _LEFT[line.ha] * long_in
        if left_in < 0 or left_in + long_in > width_in:
            found.append(line.words)
    for each in figure.findobj(Text):
        assert isinstance(each, Text)
        box = each.get_window_extent()
        if each.get_visible() and each.get_text() and not (box.x0 >= 0 and box.x1 <= figure.bbox.x1):
            found.append(each.get_text())
    return found


def lines_on(figure: Figure) -> list[Line]:
    """What is written on its sheet."""
    return [line for item in figure.findobj() if isinstance(item, Lines) for line in item.lines]


def boxes_on(figure: Figure) -> list[Box]:
    """The boxes on its sheet."""
    return [box for item in figure.findobj() if isinstance(item, Boxes) for box in item.boxes]


def plotted_on(figure: Figure) -> list[Line2D]:
    """The lines and marks on its sheet, axes apart."""
    return [item for item in figure.artists if isinstance(item, Line2D)]


CAPTION = Caption("host: Acme Nine 9000", ("5 repeats", "windows of 2 s"))
