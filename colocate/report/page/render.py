"""A run -> report.html: one file that needs no network, and in which every name is text."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from colocate import __version__
from colocate.model.cell import Cell
from colocate.model.request import Inference
from colocate.report.page import words
from colocate.report.page.payload import VIEWS, payload
from colocate.report.run_report import LoadedRun
from colocate.report.text.captions import caption_of, machine_words, model_words, unfinished_words
from colocate.report.text.labels import clock_text, inference_label, plain, task_label, tasks_of
from colocate.report.text.numbers import three_digits
from colocate.report.tx1.validation import summary_of
from colocate.study.bounds import FOREVER, Bounds, bounds
from colocate.study.sequential import looks_of
from colocate.study.stats import POOL_MIN_CELLS
from colocate.study_file import study_file

CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One clock point of a table. A cell is its number in the payload, None where it was not measured.

    `cpu_rows` is over how many rows the CPU's clock is written, 0 where a row above did it.
    """

    cpu: str
    gpu: str
    cpu_rows: int
    cells: Sequence[int | None]


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """The cells of one network and placement: clock points down, tasks across, the network alone first."""

    network: int
    name: str
    how: str
    placement: str
    findings: Sequence[str]
    tasks: Sequence[str]
    clocked: bool
    rows: Sequence[Row]


def write_page(run: LoadedRun) -> Path:
    """Write report.html into the folder of the run, and return its path.

    It begins with the limits that the study was made for, and its bounds allow for the looks that it took.
    The same run in a folder of the same name gives the same bytes. Raises OSError.
    """
    path, header, records, evidence = run.folder / "report.html", run.header, run.records, run.evidence
    limits = header.spec.limits
    confidence = CONFIDENCE if limits is None else limits.confidence
    judged = bounds(evidence, confidence, looks_of(header.spec))
    cells = run.cells
    checks = () if header.provenance is None else header.provenance.validation
    scripts = {"page": _asset("page.js"), "plotly": get_plotlyjs()}
    environment = Environment(
        loader=PackageLoader("colocate.report.page", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("page.html.j2").render(
        name=plain(path.absolute().parent.name),
        version=__version__,
        policy=_policy(scripts.values()),
        style=Markup(_asset("style.css")),
        scripts={name: Markup(script) for name, script in scripts.items()},
        caption=caption_of(header, cells, records),
        machine=plain(machine_words(header.facts)),
        model=model_words(header.facts),
        checks=checks,
        constants=() if header.provenance is None else header.provenance.constants,
        summaries={
            role: summary_of([check for check in checks if check.role == role])
            for role in dict.fromkeys(check.role for check in checks)
        },
        unfinished=unfinished_words(header, len(records)),
        failures=words.failure_rows(run.failures),
        confidence=f"{100 * confidence:g} %",
        error=f"{100 * (1 - confidence):.3g} %",
        judged=len(judged),
        steadied=len(judged) >= POOL_MIN_CELLS,
        looks=len(looks_of(header.spec)(FOREVER)),
        tables=_tables(cells, judged, confidence),
        views=VIEWS,
        warnings=words.warning_rows(cells),
        facts=words.machine_rows(header.facts),
        networks=words.network_rows(header),
        runtime=words.runtime_rows(records),
        study=study_file(header.request),
        payload=payload(evidence, judged, records, confidence, limits),
        number=three_digits,
    )
    path.write_text(page, encoding="utf-8")
    return path


def _asset(name: str) -> str:
    return resources.files("colocate.report.page").joinpath(name).read_text(encoding="utf-8")


def _policy(scripts: Iterable[str]) -> str:
    """A Content Security Policy: nothing is fetched, and no script runs but these (W3C CSP 3)."""
    hashes = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{each}'" for each in hashes)
    # Plotly styles its drawings through elements that it makes itself.
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        f"base-uri 'none'; form-action 'none'"
    )


def _tables(cells: Sequence[Cell], judged: Sequence[Bounds], confidence: float) -> list[Table]:
    inferences = list(dict.fromkeys(cell.inference for cell in cells))
    return [
        _table(inferences, inference, placement, cells, judged, confidence)
        for inference, placement in dict.fromkeys((cell.inference, cell.placement) for cell in cells)
    ]


def _table(
    inferences: Sequence[Inference],
    inference: Inference,
    placement: str,
    cells: Sequence[Cell],
    judged: Sequence[Bounds],
    confidence: float,
) -> Table:
    here = (inference, placement)
    own = {number: cell for number, cell in enumerate(cells) if (cell.inference, cell.placement) == here}
    tasks = tasks_of(list(own.values()))
    points = list(dict.fromkeys(cell.clocks for cell in own.values()))
    at = {(cell.clocks, cell.task): number for number, cell in own.items()}
    rows = [
        Row(
            clock_text(point.cpu_hz),
            clock_text(point.gpu_hz),
            0 if nth and points[nth - 1].cpu_hz == point.cpu_hz else sum(p.cpu_hz == point.cpu_hz for p in points),
            [at.get((point, task)) for task in tasks],
        )
        for nth, point in enumerate(points)
    ]
    found = [each for each in judged if each.evidence.cell in own.values()]
    name, how = inference_label(inference, inferences)
    return Table(
        inferences.index(inference),
        name,
        how,
        placement,
        words.findings(found, confidence),
        [task_label(task) for task in tasks],
        any((point.cpu_hz, point.gpu_hz) != (None, None) for point in points),
        rows,
    )
