"""The advice on a run for `--json`; names of quantities carry their units."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from colocate.model.cell import Cell
from colocate.model.containment import containment_words
from colocate.report.advise.answer import answers, untried
from colocate.report.advise.containment import recipes
from colocate.report.advise.load import AdviceReport
from colocate.report.advise.required import Required
from colocate.report.advise.words import notes, remedies
from colocate.report.text.captions import model_words
from colocate.study.containments import Contained
from colocate.study.verdicts import LimitCheck, Verdict, deciding


def advice_json(report: AdviceReport, folder: Path) -> dict[str, Any]:
    """The advice as a JSON object; an unknown quantity is null."""
    advice = report.advice
    return {
        "run": str(folder),
        "rig": report.run.header.facts.rig,
        # What a reader must know of a model; null for a machine.
        "model": model_words(report.run.header.facts),
        "finished": report.state.finished,
        "until_decided": report.run.header.spec.until_decided,
        "done": len(report.run.records),
        "wanted": len(report.state.wanted),
        "limits": dataclasses.asdict(advice.limits),
        "judged": advice.judged,
        "counts": {verdict.value: report.count(verdict) for verdict in Verdict},
        "verdicts": [
            {
                **_place_json(ruling.cell),
                "task": ruling.cell.task,
                "verdict": ruling.verdict.value,
                "decided_by": deciding(ruling).quantity.value,
                "further_blocks": ruling.further_blocks,
                "open": ruling.open,
                "reason": ruling.reason,
                "miss_ratio": ruling.cell.miss_ratio,
                "longest_miss_run": ruling.cell.longest_miss_run,
                "cause": ruling.cell.extra_time.largest[0].value if ruling.cell.extra_time else None,
                "checks": [_check_json(check) for check in ruling.checks],
            }
            for ruling in advice.rulings
        ],
        "answer": report.answer.value,
        "required": list(map(_required_json, report.required)),
        "choices": [
            {
                **_place_json(choice.cell),
                "task": choice.cell.task,
                "p50_s": choice.cell.p50_s,
                "p95_s": choice.cell.p95_s,
                "work_share": choice.work_share,
                "power_w": choice.cell.power_w,
                "work_share_per_j": choice.work_share_per_j,
                "slowdown": choice.slowdown,
                "margins": {quantity.value: margin for quantity, margin in choice.margins.items()},
                "on_front": choice.on_front,
                "recommended": choice.recommended,
                "best_of_task": choice.best_of_task,
            }
            for choice in advice.choices
        ],
        "untried": {axis: each._asdict() for axis, each in untried(report).items()},
        "answers": [{**dataclasses.asdict(answer), "more": list(answer.more)} for answer in answers(report)],
        "containments": list(map(_contained_json, report.contained)),
        "recipes": [{"title": each.title, "parts": dict(each.parts)} for each in recipes(report)],
        "saving": None
        if report.saving is None
        else {**dataclasses.asdict(report.saving), "ratio": report.saving.ratio},
        "remedies": list(remedies(report)),
        "notes": list(notes(report)),
    }


def _required_json(each: Required) -> dict[str, Any]:
    cells = [
        {**_place_json(ruling.cell), "task": ruling.cell.task, "verdict": ruling.verdict.value}
        for ruling in each.rulings
    ]
    return {"text": each.text, "verdict": each.verdict.value, "cells": cells}


def _contained_json(each: Contained) -> dict[str, Any]:
    return {
        **_place_json(each.ruling.cell),
        "task": each.ruling.cell.task,
        "verdict": each.ruling.verdict.value,
        "decided_by": deciding(each.ruling).quantity.value,
        "work_share": each.work_share,
        "power_w": each.ruling.cell.power_w,
    }


def _check_json(check: LimitCheck) -> dict[str, Any]:
    return {
        "quantity": check.quantity.value,
        "limit": check.limit,
        "value": None if check.interval is None else check.interval.value,
        "lo": None if check.interval is None else check.interval.lo,
        "hi": None if check.interval is None else check.interval.hi,
        "verdict": check.verdict.value,
        "margin": check.margin,
        "further_blocks": check.further_blocks,
        "reason": check.reason,
    }


def _place_json(cell: Cell) -> dict[str, Any]:
    """How the network of a cell was run, and the placement, containment and clocks."""
    containment = containment_words(cell.containment)
    clocks = dataclasses.asdict(cell.clocks)
    return {**cell.inference.to_json(), "placement": cell.placement, "containment": containment, **clocks}
