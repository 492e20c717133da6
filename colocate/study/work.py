"""How much work a task does: its rate, and the share of the rate that is left beside a network.

A window in which nothing was completed does not show the rate, because a run may be longer than the window. The
exception is a task that got almost no CPU time compared with what it uses alone: its rate is 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from colocate.model.command import SERVICE
from colocate.model.quality import QualityFlag
from colocate.model.trial import TrialRecord, Work
from colocate.study.conditions import work_kept

# A task does nothing if it gets less than this share of the CPU time that it uses alone, or of a CPU, or if it
# reaches less than this share of its best rate.
NOTHING_RATIO = 0.01


def work_per_s(records: Sequence[TrialRecord], alone: Sequence[TrialRecord] = ()) -> float | None:
    """Return the units of work per second; None if unknown, and for a mix, whose tasks count different units."""
    rates = rates_per_s(records, alone)
    return rates[0] if len(rates) == 1 else None


def rates_per_s(records: Sequence[TrialRecord], alone: Sequence[TrialRecord] = ()) -> tuple[float, ...]:
    """Return the units of work per second of the task, or of each task of a mix. `alone` are windows of the task by
    itself.

    Empty if the rate is unknown: no work was measured, or a task worked in a window without completing a unit.
    """
    works = [parts for record in records if (parts := _parts(record))]
    if not works or any(not part.count and not idle for each in works for part, idle in _looked_at(each, alone)):
        return ()
    return tuple(
        sum(part.count for part in parts) / sum(part.elapsed_s for part in parts)
        for parts in zip(*works, strict=True)
    )


def share_of(rates_per_s: Sequence[float], most_per_s: Sequence[float]) -> float | None:
    """Return `rates_per_s` over `most_per_s`, the mean over the tasks; None if either is unknown."""
    if not rates_per_s or not most_per_s:
        return None
    shares = [rate / most for rate, most in zip(rates_per_s, most_per_s, strict=True)]
    return sum(shares) / len(shares)


def does_nothing(work_share: float | None) -> bool:
    """Whether this share of a task's best rate is next to nothing (`NOTHING_RATIO`). False if it is unknown."""
    return work_share is not None and work_share < NOTHING_RATIO


def unfinished(record: TrialRecord, alone: Sequence[TrialRecord] = ()) -> bool:
    """Whether the task of a window, or one of a mix, worked in it and completed no unit of work.

    A window with processes left behind has its own warning, so it gives False. A task without an end that got almost
    no CPU time was waiting, not working.
    """
    task, parts = record.trial.task, _parts(record)
    if not parts or QualityFlag.LEFT_PROCESSES in record.warnings:
        return False
    endless = [not member.argv or member.command.run == SERVICE for member in (task.members if task else ())]
    nothing = any(
        not part.count and not idle and not (goes_on and part.cpu_s < NOTHING_RATIO * part.elapsed_s)
        for (part, idle), goes_on in zip(_looked_at(parts, alone), endless, strict=True)
    )
    return nothing and work_kept(record) is None


def _parts(record: TrialRecord) -> Sequence[Work]:
    """Return the work of each task of a mix, or of the one task; empty if it is unknown."""
    return () if record.work is None else record.work.parts or (record.work,)


def _looked_at(parts: Sequence[Work], alone: Sequence[TrialRecord]) -> Iterator[tuple[Work, bool]]:
    """Yield the work of each task in a window, and whether it got almost no CPU time compared with what it uses
    alone.
    """
    by_itself = [found for record in alone if (found := _parts(record))]
    for number, part in enumerate(parts):
        used_s = sum(found[number].cpu_s for found in by_itself)
        elapsed_s = sum(found[number].elapsed_s for found in by_itself)
        yield part, part.cpu_s * elapsed_s < NOTHING_RATIO * used_s * part.elapsed_s
