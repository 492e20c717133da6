"""How much work a task gets done: its rate, and what of that is left beside a network.

A window in which nothing was completed says nothing of the rate, as a run may be longer than the window. Where the
task got next to none of the CPU time that it uses alone, it did nothing: then its rate is 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from colocate.model.command import SERVICE
from colocate.model.quality import QualityFlag
from colocate.model.trial import TrialRecord, Work
from colocate.study.conditions import work_kept

# A task that gets less than this share of the CPU time that it uses alone, or of a CPU, does none of its work; and so
# does one that gets less than this share of its best rate done.
NOTHING_RATIO = 0.01


def work_per_s(records: Sequence[TrialRecord], alone: Sequence[TrialRecord] = ()) -> float | None:
    """Units of work per second; None of a mix, whose tasks count different units, and where it is not known."""
    rates = rates_per_s(records, alone)
    return rates[0] if len(rates) == 1 else None


def rates_per_s(records: Sequence[TrialRecord], alone: Sequence[TrialRecord] = ()) -> tuple[float, ...]:
    """Units of work per second, of a mix those of each of its tasks; `alone` are windows of the task by itself.

    Empty when one of them finished no unit in a window, though it worked: that says nothing about the rate.
    """
    works = [parts for record in records if (parts := _parts(record))]
    if not works or any(not part.count and not idle for each in works for part, idle in _looked_at(each, alone)):
        return ()
    return tuple(
        sum(part.count for part in parts) / sum(part.elapsed_s for part in parts)
        for parts in zip(*works, strict=True)
    )


def share_of(rates_per_s: Sequence[float], most_per_s: Sequence[float]) -> float | None:
    """One set of rates over another, the mean over the tasks; None where one of them is not known."""
    if not rates_per_s or not most_per_s:
        return None
    shares = [rate / most for rate, most in zip(rates_per_s, most_per_s, strict=True)]
    return sum(shares) / len(shares)


def does_nothing(work_share: float | None) -> bool:
    """Whether this share of its best rate is no work to speak of; one that is not known may be any."""
    return work_share is not None and work_share < NOTHING_RATIO


def unfinished(record: TrialRecord, alone: Sequence[TrialRecord] = ()) -> bool:
    """Whether its task, or one of a mix, worked within it and completed nothing that counts.

    A run that leaves processes behind has its own warning. What has no end, and got next to no CPU, waits.
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
    """The work of each task of a mix, or of the one task; none where that is not known."""
    return () if record.work is None else record.work.parts or (record.work,)


def _looked_at(parts: Sequence[Work], alone: Sequence[TrialRecord]) -> Iterator[tuple[Work, bool]]:
    """Each of the works of a window, and whether its task got next to no CPU for what it uses alone."""
    by_itself = [found for record in alone if (found := _parts(record))]
    for number, part in enumerate(parts):
        used_s = sum(found[number].cpu_s for found in by_itself)
        elapsed_s = sum(found[number].elapsed_s for found in by_itself)
        yield part, part.cpu_s * elapsed_s < NOTHING_RATIO * used_s * part.elapsed_s
