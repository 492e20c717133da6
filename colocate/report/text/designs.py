"""Which windows the numbers of a run come from.

In an alternating window the task is paused and resumed many times. In a steady one it runs throughout, or not at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from colocate.model.cell import Cell
from colocate.model.cell_key import CellKey
from colocate.model.quality import QualityFlag
from colocate.model.trial import TrialRecord
from colocate.report.text.labels import (
    beside_words,
    clocks_words,
    inferences_of,
    network_words,
    placements_of,
    shortened,
    tasks_of,
)
from colocate.report.text.numbers import counted_span
from colocate.store.run_file import Header
from colocate.study.stats import median


def slowdown_phrases(header: Header, records: Sequence[TrialRecord]) -> tuple[str, ...]:
    """Return phrases on the windows that slowdowns come from: `alternating windows of 2 s` and `task paused or
    resumed every 50 ms`, or `windows of 2 s` for a run with steady windows only.

    The lengths are measured, as a window may last longer than planned.
    """
    if not header.spec.alternating:
        return (f"windows of {_length_words(header, records)} s",)
    alternating = [record for record in records if record.trial.alternating]
    length = f"alternating windows of {_length_words(header, alternating)} s"
    segments = _segment_words(alternating)
    return (length, f"task paused or resumed every {segments} ms") if segments else (length,)


def steady_phrases(header: Header, records: Iterable[TrialRecord]) -> tuple[str, ...]:
    """Return phrases on the steady windows that power and energy come from: how many repeats, and their length. Empty
    for a run with steady windows only.
    """
    if not header.spec.alternating:
        return ()
    steady = _steady(records)
    windows = sorted(Counter(CellKey.of(record.trial) for record in steady).values()) or [0]
    return counted_span(windows[0], windows[-1], "repeat"), f"steady windows of {_length_words(header, steady)} s"


def _steady(records: Iterable[TrialRecord]) -> list[TrialRecord]:
    return [record for record in records if record.trial.inference is not None and not record.trial.alternating]


def _length_words(header: Header, records: Sequence[TrialRecord]) -> str:
    elapsed_s = [record.elapsed_s for record in records] or [header.spec.window_s]
    return _span_words(f"{round(seconds, 1 if seconds < 100 else None):g}" for seconds in _ends(elapsed_s))


def _segment_words(records: Iterable[TrialRecord]) -> str:
    """Return the median segment length of a window in ms, or its range over `records`; empty without segments.

    Two digits are enough, because the time of a switch varies.
    """
    lengths_s = [
        median(np.diff([segment.end_s for segment in record.segments]))
        for record in records
        if len(record.segments) > 1
    ]
    return _span_words(f"{float(f'{1e3 * length_s:.2g}'):g}" for length_s in _ends(lengths_s))


def _ends(values: Sequence[float]) -> tuple[float, ...]:
    return (min(values), max(values)) if values else ()


def _span_words(ends: Iterable[str]) -> str:
    return " to ".join(dict.fromkeys(ends))


def design_sentences(header: Header, cells: Sequence[Cell], records: Sequence[TrialRecord]) -> tuple[str, ...]:
    """Return sentences that say which numbers come from alternating windows and which from steady ones. Empty for a
    run with steady windows only.
    """
    if not header.spec.alternating:
        return ()
    said = []
    if any(record.trial.alternating for record in records):
        own = [record for record in records if record.trial.alternating]
        length, segments = _length_words(header, own), _segment_words(own)
        pauses = f", in which the task is paused or resumed every {segments} ms" if segments else ""
        said.append(f"Slowdown and work lost come from alternating windows, each {length} s long{pauses}.")
    if header.facts.rails:
        length = _length_words(header, _steady(records))
        said.append(f"Power, energy and temperature come from steady windows, each {length} s long.")
    if kept := list(dict.fromkeys(shortened(task.name) for task in header.spec.tasks if not task.pause)):
        said.append(f"Beside {' and '.join(kept)}, not to be paused, all numbers come from steady windows.")
    pausable = {task.name for task in header.spec.tasks if task.pause}
    failed = [cell for cell in cells if cell.task in pausable and QualityFlag.TRIALS_FAILED in cell.warnings]
    steady_alone = [cell for cell in failed if cell.slowdown_p50 and not cell.alternating and not _differs(cell)]
    if fallen := _named(steady_alone, cells):
        said.append(f"No alternating window succeeded, and steady windows count: {fallen}.")
    if differing := differing_words(cells):
        said.append(f"Alternating and steady windows disagree beyond chance, and the steady ones count: {differing}.")
    return tuple(said)


def differing_words(cells: Sequence[Cell]) -> str:
    """Name the cells whose slowdown comes from steady windows because alternating ones gave a different slowdown."""
    return _named([cell for cell in cells if _differs(cell)], cells)


def _differs(cell: Cell) -> bool:
    return QualityFlag.ALTERNATION_DIFFERS in cell.warnings


def _named(some: Sequence[Cell], cells: Sequence[Cell], most: int = 5) -> str:
    """Name `some` of the `cells`: the first `most` of them, then how many more there are."""
    among, tasks, placed = inferences_of(cells), tasks_of(cells), len(placements_of(cells)) > 1
    names = [
        f"{network_words(cell.inference, among)} beside {beside_words(cell, tasks)}"
        f"{f', {cell.placement},' if placed else ''} at {clocks_words(cell.clocks)}"
        for cell in some
    ]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
