"""validation.csv and constants.csv: how far a model is off published values, and the constants it rests on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from colocate.files import remove_file
from colocate.report.run_report import LoadedRun
from colocate.report.text.tables import write_rows


def write_provenance(run: LoadedRun) -> Iterator[Path]:
    """Write both tables into the folder of the run, with nine digits.

    The run of a machine has neither; tables that an earlier run left there are removed. Raises OSError.
    """
    provenance, rig = run.header.provenance, run.header.facts.rig
    tables: Mapping[str, Sequence[Any]] = {
        "validation": () if provenance is None else provenance.validation,
        "constants": () if provenance is None else provenance.constants,
    }
    for name, rows in tables.items():
        path = run.folder / f"{name}.csv"
        if rows:
            write_rows(path, [{**dataclasses.asdict(row), "rig": rig} for row in rows])
            yield path
        else:
            remove_file(path)
