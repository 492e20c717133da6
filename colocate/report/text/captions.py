"""The caption over the figures and the page of a run: its machine or model, how it was measured, and how far it has
come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from colocate.model.cell import SOLO, Cell
from colocate.model.machine import HostFacts
from colocate.model.provenance import Provenance
from colocate.model.trial import TrialRecord
from colocate.report.text.designs import slowdown_phrases, steady_phrases
from colocate.report.text.labels import (
    inferences_of,
    shared_containment,
    shared_qualities,
    shortened,
    tasks_of,
)
from colocate.report.text.numbers import counted, counted_span
from colocate.store.run_file import Header
from colocate.study.boards import by_board

LINE_LIMIT = 76

# The constant of a model that no source gives, and that every slowdown depends on.
CONTENTION = "contention"

# What a reader must know before the numbers. A rig that is not listed is a machine.
_RIG_WORDS = {"tx1-model": "MODEL of a Tegra X1, not a measurement"}


@dataclass(frozen=True, slots=True)
class Caption:
    """The caption over every figure of a run.

    `rig` names the machine or model. `circumstances` are short phrases that say how the run was measured. `steady`
    replaces them over numbers that come from steady windows alone, such as power; it is empty if all windows are
    steady.
    """

    rig: str
    circumstances: tuple[str, ...]
    steady: tuple[str, ...] = ()

    @property
    def of_steady_windows(self) -> Caption:
        """The caption over numbers that come from steady windows alone."""
        return Caption(self.rig, self.steady or self.circumstances)


def caption_of(header: Header, cells: Sequence[Cell], records: Sequence[TrialRecord]) -> Caption:
    """The caption of a run from its `cells` and its stored `records`."""
    beside = [cell for cell in cells if cell.task != SOLO]
    repeats = sorted({cell.blocks for cell in beside or cells}) or [0]
    span = counted_span(repeats[0], repeats[-1], "repeat")
    # Whether it was set or not.
    phrases = list(filter(None, [assumption_words(header)]))
    phrases += [f"assuming {name} = {value:g}" for name, value in header.spec.model if name != CONTENTION]
    if header.facts.confinement.startswith(("cgroup", "affinity")):
        phrases.append(header.facts.confinement)
    if header.spec.until_decided:
        phrases.append(f"until decided: {counted(len(records), 'trial')}")
    elif unfinished := unfinished_words(header, records):
        phrases.append(unfinished)
    phrases += [*shared_qualities(inferences_of(cells)), *shared_containment(tasks_of(cells))]
    steady = steady_phrases(header, records)
    return Caption(
        _rig_words(header.facts),
        (span, *slowdown_phrases(header, records), *phrases),
        (*steady, *phrases) if steady else (),
    )


def unfinished_words(header: Header, records: Sequence[TrialRecord]) -> str:
    """Return how many of the planned trials are done; empty if all are, or if the run uses sequential stopping."""
    done, planned = len(records), planned_trials(header, records)
    return "" if header.spec.until_decided or done >= planned else f"unfinished: {done} of {planned} trials done"


def planned_trials(header: Header, records: Sequence[TrialRecord]) -> int:
    """Return how many trials are planned. If every board runs the whole study, each board with a record counts."""
    return header.planned_on(len(by_board(records)))


def model_words(facts: HostFacts) -> str | None:
    """Return the note that this rig is a model and not a measurement; None for a machine."""
    return _RIG_WORDS.get(facts.rig)


def error_words(provenance: Provenance, kind: str) -> str:
    """Return in words how far a model is from published figures of a `Quantity.kind`; empty if no figure tests it."""
    if (error := provenance.error_of(kind)) is None:
        return ""
    return (
        f"the model misses published {error.name} by {100 * error.median_ratio:.1f} % "
        f"(median of {counted(error.values, 'value')} that it was not fitted to; {100 * error.worst_ratio:.1f} % at "
        "worst)"
    )


def _rig_words(facts: HostFacts) -> str:
    return shortened(f"{facts.rig}: {_RIG_WORDS.get(facts.rig, machine_words(facts))}", LINE_LIMIT)


def machine_words(facts: HostFacts) -> str:
    """The names of the GPUs and of the CPU: `NVIDIA H200, Intel(R) Xeon(R) Processor`."""
    return ", ".join((*dict.fromkeys(facts.gpus), facts.cpu_model))


def assumption_words(header: Header) -> str | None:
    """The assumption behind the size of every slowdown, `assuming contention = 1`; None for a machine."""
    return None if (value := _contention(header)) is None else f"assuming {CONTENTION} = {value:g}"


def contention_words(header: Header) -> str | None:
    """A sentence that explains a model's assumption on memory contention; None for a machine."""
    if (value := _contention(header)) is None:
        return None
    return (
        "Slowdown, work lost and latency beside a task rest on an assumption without a source: each byte that task "
        f"or network moves in memory delays the other as if the other had moved {value:g} byte more "
        f"({CONTENTION} = {value:g}; docs/tx1-model.md)."
    )


def _contention(header: Header) -> float | None:
    constants = () if header.provenance is None else header.provenance.constants
    return next((row.value for row in constants if row.name == CONTENTION), None)
