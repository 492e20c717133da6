"""Loaded runs of a fleet, made of records by hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from colocate.model.fleet import Sharing
from colocate.model.limits import Limits
from colocate.model.trial import TrialRecord
from colocate.report.run_report import LoadedRun
from colocate.study.evidence import collect
from tests.report.drawn import header
from tests.study.fleets import fleet
from tests.study.truth import SPEC

LIMITS = Limits(max_slowdown=1.3, percentile="p50")


def loaded(
    folder: Path,
    ratios: Mapping[str, float],
    sharing: Sharing | None = Sharing.REPLICATE,
    limits: Limits | None = LIMITS,
    records: Sequence[TrialRecord] | None = None,
    **more: Any,
) -> LoadedRun:
    """What boards of these `ratios` show; `more` is of `fleet`."""
    found = tuple(fleet(ratios, **more) if records is None else records)
    spec = dataclasses.replace(SPEC, limits=limits)
    head = dataclasses.replace(header(), spec=spec, sharing=sharing, planned=9)
    return LoadedRun(folder, head, found, (), collect(found, spec))
