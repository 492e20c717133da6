"""Make report.html of a run: one file that works offline and shows every name as plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from colocate.files import write_file
from colocate.model.limits import Quantity
from colocate.model.quality import in_order
from colocate.report.advise.answer import tried_words, untried_clocks
from colocate.report.advise.words import FULL_SPEED, WORK_LOST, chosen_later_words
from colocate.report.page import words
from colocate.report.page.assets import page_script, policy, style
from colocate.report.page.causes import SHOWN_FIRST, cause_bars, legend
from colocate.report.page.matrix import matrix_of
from colocate.report.page.payload import VIEWS, payload
from colocate.report.run_report import LoadedRun
from colocate.report.text.captions import (
    caption_of,
    contention_words,
    error_words,
    machine_words,
    model_words,
    unfinished_words,
)
from colocate.report.text.designs import design_sentences
from colocate.report.text.labels import plain
from colocate.report.text.numbers import unbroken
from colocate.report.tx1.validation import number_words, quantity_words, summary_of
from colocate.request.study_file import study_file
from colocate.store.run_file import Header
from colocate.study.bounds import FOREVER, Bounds, bounds
from colocate.study.evidence import WITHHOLDING
from colocate.study.sequential import looks_of
from colocate.version import __version__

CONFIDENCE = 0.95

# Names of the template and their values.
_Values = Mapping[str, Any]
# What a kind of limit is on, where its name does not say it.
_LIMITED = {"work": "work lost"}


def write_page(run: LoadedRun, judged: Sequence[Bounds] | None = None) -> Path:
    """Write report.html into the folder of the run, and return its path. `judged` are the run's bounds, None if they
    are still to be computed.

    The page begins with the limits in force, and its bounds allow for the interim looks of sequential stopping. The
    same run in a folder of the same name gives the same bytes. Raises StoreError or OSError if the page cannot be
    written.
    """
    limits = run.limits
    confidence = CONFIDENCE if limits is None else limits.confidence
    if judged is None:
        judged = bounds(run.evidence, confidence, looks_of(run.header.spec))
    page = _template().render(
        **_carried(), **_heading(run), **_found(run, judged, confidence), **_model(run.header), **_machine(run)
    )
    return write_file(run.folder / "report.html", page)


def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("colocate.report.page", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finished,
    )
    return environment.get_template("page.html.j2")


def _finished(value: Any) -> Any:
    """Return what the template shows of `value`: in plain text, no line breaks between a number and its unit."""
    return unbroken(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _carried() -> _Values:
    """The style, script and policy of the page. No other text in the page is markup."""
    script = page_script()
    return {"policy": policy(script), "style": Markup(style()), "script": Markup(script)}


def _heading(run: LoadedRun) -> _Values:
    return {
        "name": plain(run.folder.absolute().name),
        "question": words.question(run.cells),
        "caption": caption_of(run.header, run.cells, run.records),
        "machine": plain(machine_words(run.header.facts)),
        "assumption": contention_words(run.header),
        "unfinished": unfinished_words(run.header, run.records),
    }


def _found(run: LoadedRun, judged: Sequence[Bounds], confidence: float) -> _Values:
    """The matrix with its data, the warnings, and the confidence of all of it."""
    spec = run.header.spec
    kinds = len({quantity.kind for each in judged for quantity in each.estimates})
    return {
        "matrix": matrix_of(run.cells),
        "tried": tried_words(untried_clocks(run.cells, run.header.facts)),
        "findings": words.findings_of(run.cells, judged, confidence),
        "views": VIEWS,
        "payload": payload(
            run.folder.absolute().name, run.evidence, judged, run.records, run.limits, run.header.provenance
        ),
        "cause_bars": cause_bars(run.cells),
        "cause_legend": legend(run.cells),
        "bars_shown": SHOWN_FIRST,
        "designs": design_sentences(run.header, run.cells, run.records),
        "warnings": words.warning_rows(run.cells),
        "counted_cells": words.cells_words(run.cells),
        "failures": words.failure_rows(run.failures),
        "confidence": f"{100 * confidence:g} %",
        "error": f"{100 * (1 - confidence):.3g} %",
        "judged": len(judged),
        "full_speed": FULL_SPEED,
        "work_lost": WORK_LOST,
        "chosen_later": chosen_later_words(kinds, confidence),
        "withholding": ", ".join(warning.value for warning in in_order(WITHHOLDING)),
        "looks": len(looks_of(spec)(FOREVER)),
    }


def _model(header: Header) -> _Values:
    """What the page says of a model; for a machine these values are empty."""
    checks = () if header.provenance is None else header.provenance.validation
    roles = dict.fromkeys(check.role for check in checks)
    kinds = dict.fromkeys(quantity.kind for quantity in Quantity)
    errors = {} if header.provenance is None else {kind: error_words(header.provenance, kind) for kind in kinds}
    return {
        "model": model_words(header.facts),
        "checks": checks,
        "errors": [f"{words[0].upper()}{words[1:]}" for words in errors.values() if words],
        "untested": " or ".join(_LIMITED.get(kind, kind) for kind, words in errors.items() if not words),
        "constants": () if header.provenance is None else header.provenance.constants,
        "summaries": {role: summary_of([check for check in checks if check.role == role]) for role in roles},
        "quantity_words": quantity_words,
        "number_words": number_words,
    }


def _machine(run: LoadedRun) -> _Values:
    """The machine in detail, and the study file to repeat the run."""
    return {
        "facts": words.machine_rows(run.header.facts),
        "networks": words.network_rows(run.header),
        "runtime": words.runtime_rows(run.records),
        # To copy, so to the letter.
        "study": escape(study_file(run.header.request)),
        "version": __version__,
    }
