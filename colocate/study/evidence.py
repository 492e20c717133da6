"""TrialRecords -> Evidence: per cell and repeat, the numbers that verdicts and comparisons rest on."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from colocate.model.cell import SOLO, Cell
from colocate.model.cell_key import CellKey
from colocate.model.limits import STATISTICS, Quantity
from colocate.model.quality import TOO_FEW_FOR, QualityFlag, in_order
from colocate.model.request import SweepSpec
from colocate.model.trial import Trial, TrialRecord
from colocate.study.boards import apart, by_board, over_boards, replicated
from colocate.study.conditions import alternating_pair
from colocate.study.interference import DISTURBED, INTERVAL_MIN_BLOCKS, by_repeat, cell_of
from colocate.study.reader import MEDIAN, Reader
from colocate.study.stats import sample_quantile
from colocate.study.windows import PairOf, Windows, group
from colocate.study.work import rates_per_s, share_of

__all__ = ["Evidence", "Quantity", "Slowdowns", "collect", "slowdowns"]

# A window with one of these warnings has no known power.
_MISREAD = frozenset(
    {
        QualityFlag.WINDOW_SHORT_FOR_SENSOR,
        QualityFlag.SENSOR_STALLED,
        QualityFlag.SENSOR_FAILED,
        QualityFlag.READING_IMPLAUSIBLE,
    }
)
# Warnings that the setting itself caused. The windows that remain are the lucky ones, or show only the beginning of
# the task: they can show that a limit is broken, but not that it is met.
WITHHOLDING = frozenset(
    {
        QualityFlag.CLOCK_DRIFTED,
        QualityFlag.THROTTLED,
        QualityFlag.TASK_ENDED_EARLY,
        QualityFlag.LEFT_PROCESSES,
        QualityFlag.NO_RUN_COMPLETED,
        QualityFlag.TRIALS_FAILED,
    }
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The values of one cell by quantity and repeat. What is absent has no entry.

    - `values` are in the unit of the quantity. Latencies are of one window. Slowdowns are against the network alone
      in the same window or block, and work loss against the task alone in the same window or repeat. Power is the
      board's mean over the window.
    - `left_out`: the warnings because of which windows gave no value, in enum order.
    - `withheld`: the warnings because of which a quantity can be shown to break a limit, but not to meet one.
    - `work_share`: the task's rate of work over its best rate alone at any clocks, in any placement and containment;
      of a mix the mean over its tasks. None if unknown.
    - `closed`: further repeats add nothing. The alternating windows differ from the steady ones, so the cell rests on
      steady windows, and no more of these will come.
    - `boards`: the evidence of each board by its name, if every board of a fleet ran the study; else empty.
    """

    cell: Cell
    values: Mapping[Quantity, Mapping[int, float]]
    left_out: Mapping[Quantity, tuple[QualityFlag, ...]]
    withheld: Mapping[Quantity, tuple[QualityFlag, ...]]
    work_share: float | None = None
    closed: bool = False
    boards: Mapping[str, Evidence] = field(default_factory=dict)

    @property
    def each_board(self) -> tuple[Evidence, ...]:
        """What is judged: the evidence of each board, or the cell's own if there are no boards."""
        return tuple(self.boards.values()) or (self,)

    @property
    def colocated(self) -> bool:
        """Whether there is a task to judge: false for a solo baseline."""
        return self.cell.task != SOLO


@dataclass(frozen=True, slots=True)
class Slowdowns:
    """The p50 slowdown of the cell `key` by repeat; `closed` is as in `Evidence`."""

    key: CellKey
    values: Mapping[int, float]
    closed: bool


def collect(
    records: Iterable[TrialRecord], spec: SweepSpec, failed: Iterable[Trial] = (), confidence: float = 0.95
) -> tuple[Evidence, ...]:
    """Return one Evidence per cell, solo baselines included, in the order of `interference.cells`.

    Slowdown and work loss come from alternating windows, or from steady ones if the cell has no alternating ones.
    Latencies come from all windows. The value of a repeat is the geometric mean over its windows.

    The p50 and the mean of every window count: of few samples they are noisy, not biased, and bounds allow for noise
    between blocks. A p95 or p99 counts only if the window has enough effective samples to know it with `confidence`
    (`stats.known_quantiles`). A window gives no value if it has a warning of one of these kinds:

    - something from outside disturbed it, such as other load
    - it was not the setting asked for (clock drifted, throttled, task ended early or left processes behind)
    - for power only: its sensor was too slow or failed

    The second kind, and failed trials, also rule out SAFE. A task that completed no run rules it out under a work
    limit. Raises ValueError for a record of something that `spec` does not name.

    If every board of a fleet ran the study, blocks of different boards stay apart, and slowdowns are means over
    boards.
    """
    records, failed = tuple(records), tuple(failed)
    if not replicated(records):
        return _collected(records, spec, failed, confidence)
    of_boards = by_board(records)
    own = {
        name: {CellKey.of_cell(each.cell): each for each in _collected(found, spec, failed, confidence)}
        for name, found in of_boards.items()
    }
    together = _collected(apart(of_boards.values()), spec, failed, confidence)
    return tuple(_with_boards(each, own) for each in together)


def slowdowns(
    records: Iterable[TrialRecord], spec: SweepSpec, pair_of: PairOf = alternating_pair
) -> tuple[Slowdowns, ...]:
    """Return the p50 slowdowns of each cell that has a task: the same numbers as `collect`, but much faster.

    A sweep asks for them after every repeat. `pair_of` may remember the windows of earlier repeats. Raises ValueError
    as `collect` does.
    """
    return tuple(
        Slowdowns(windows.setting, _medians(windows), not spec.steady_throughout and windows.differs)
        for windows in group(records, spec, pair_of=pair_of)
        if windows.setting.task is not None
    )


def _medians(windows: Windows) -> Mapping[int, float]:
    values: defaultdict[int, list[float]] = defaultdict(list)
    for pair in windows.pairs():
        if not any(DISTURBED.intersection(side.warnings) for side in pair.records):
            before, beside = (sample_quantile(side, MEDIAN) for side in (pair.alone, pair.beside))
            values[pair.records[-1].trial.repeat].append(beside / before)
    return by_repeat(values)


def _with_boards(evidence: Evidence, tables: Mapping[str, Mapping[CellKey, Evidence]]) -> Evidence:
    """Return the evidence of a cell together with that of each board whose table has the cell."""
    key = CellKey.of_cell(evidence.cell)
    boards = {name: table[key] for name, table in tables.items() if key in table}
    cell = over_boards(evidence.cell, [each.cell for each in boards.values()])
    return dataclasses.replace(evidence, cell=cell, boards=boards)


def _collected(
    records: Sequence[TrialRecord], spec: SweepSpec, failed: Sequence[Trial], confidence: float
) -> tuple[Evidence, ...]:
    reader = Reader(confidence)
    best = _best_rates(records)
    return tuple(
        _evidence(windows, cell_of(windows, reader), reader, best, closed=not spec.steady_throughout)
        for windows in group(records, spec, failed)
    )


def _best_rates(records: Sequence[TrialRecord]) -> Mapping[str, tuple[float, ...]]:
    """Return by task its best rate alone over all containments, placements and clock points; of a mix one per task.

    The rate at one setting is over all its repeats.
    """
    alone: defaultdict[object, list[TrialRecord]] = defaultdict(list)
    for record in records:
        if record.trial.inference is None and record.trial.task is not None:
            alone[record.trial.task, record.trial.placement.name, record.trial.clocks].append(record)
    best: dict[str, tuple[float, ...]] = {}
    for windows in alone.values():
        task = windows[0].trial.task
        if task is not None and (rates := rates_per_s(windows)):
            best[task.name] = tuple(map(max, rates, best.get(task.name, rates)))
    return best


def _evidence(
    windows: Windows, cell: Cell, reader: Reader, best: Mapping[str, tuple[float, ...]], *, closed: bool
) -> Evidence:
    values: defaultdict[Quantity, defaultdict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    left_out: defaultdict[Quantity, set[QualityFlag]] = defaultdict(set)
    for quantity, sides, value in _readings(windows, reader):
        spoiling = DISTURBED | _MISREAD if quantity is Quantity.POWER else DISTURBED
        warnings = {warning for side in sides for warning in side.warnings if warning in spoiling}
        left_out[quantity] |= warnings
        if not warnings and value is not None:
            values[quantity][sides[-1].trial.repeat].append(value)
    for name in TOO_FEW_FOR:
        # As in `Cell`: one block that knows a tail is one of those whose latencies changed least.
        if len(values[Quantity.slowdown(name)]) < INTERVAL_MIN_BLOCKS <= cell.blocks:
            del values[Quantity.slowdown(name)]
    of_the_cell = {QualityFlag.TRIALS_FAILED} if windows.lossy else set()
    # What a task got done says nothing about the network beside it.
    of_its_work = {QualityFlag.NO_RUN_COMPLETED} if windows.unfinished else set()
    of_cell = {each: of_the_cell | (of_its_work if each is Quantity.WORK_LOSS else set()) for each in Quantity}
    return Evidence(
        cell=cell,
        values={quantity: by_repeat(values[quantity]) for quantity in Quantity if values[quantity]},
        left_out={quantity: _ordered(left_out[quantity]) for quantity in Quantity if left_out[quantity]},
        withheld={
            quantity: _ordered(warnings)
            for quantity in Quantity
            if (warnings := (left_out[quantity] | of_cell[quantity]) & WITHHOLDING)
        },
        work_share=share_of(windows.rates_per_s(), best.get(windows.task, ())),
        closed=closed and windows.differs,
    )


def _readings(windows: Windows, reader: Reader) -> Iterator[tuple[Quantity, Sequence[TrialRecord], float | None]]:
    """Yield every quantity of every window or block: (quantity, its windows, the cell's own last, value or None)."""
    for record, latencies in windows.latencies():
        known = reader.statistics(latencies)
        for each in STATISTICS:
            yield Quantity.latency(each), (record,), known.get(each)
    for own in windows.own:
        energy_j = reader.energies_j(own)[0]
        yield Quantity.POWER, (own,), energy_j / own.elapsed_s if energy_j else None
    for pair in windows.pairs():
        before, beside = reader.statistics(pair.alone), reader.statistics(pair.beside)
        for each in STATISTICS:
            value = beside[each] / before[each] if each in before and each in beside else None
            yield Quantity.slowdown(each), pair.records, value
    for sides, kept in windows.work_kept():
        yield Quantity.WORK_LOSS, sides, None if kept is None else 1 - kept


def _ordered(warnings: Collection[QualityFlag]) -> tuple[QualityFlag, ...]:
    return in_order(warnings)
