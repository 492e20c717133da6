"""What training a network costs in each setting, from windows of training steps, and which setting to choose.

A setting is a network, batch, precision, number of ranks (processes, one per GPU) and clock point. Every repeat
trains from a seed of its own, so repeats are seeds, and all comparisons are paired by seed.
"""

from __future__ import annotations

import dataclasses
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import stdtr, stdtrit

from colocate.model.cell import Interval
from colocate.model.purpose import TrainingAim
from colocate.model.request import SweepSpec, Training
from colocate.model.trial import Trial, TrialRecord
from colocate.study.efficiency import Efficiency, efficiencies
from colocate.study.trade_offs import window_ratio

# The largest chance that the chosen setting's accuracy is further below the best than allowed.
FALSE_CHOICE = 0.05
# The measured values in a worker's report; the rest are versions and settings.
MEASURED = ("accuracy", "all_reduce_s")


@dataclass(frozen=True, slots=True)
class TrainingSetting:
    """One setting over all its seeds.

    `cost` counts steps as inferences; images, watts and joules are of all ranks together. `accuracies` are shares of
    the held-out images, by repeat; `accuracy` is their mean. `train_images` make an epoch; `flop_per_image` counts
    the forward and backward pass. `all_reduce_s` is by how much the exchange of gradients lengthens a step; None with
    one rank. The gains are over one rank with the same batch, and over the smallest batch on as many ranks.
    """

    cost: Efficiency
    accuracies: Mapping[int, float] = field(default_factory=dict)
    accuracy: Interval | None = None
    train_images: int | None = None
    flop_per_image: float | None = None
    all_reduce_s: float | None = None
    over_one_rank: Gain | None = None
    over_smallest_batch: Gain | None = None

    @property
    def training(self) -> Training:
        """How the network is trained."""
        training = self.cost.setting.inference.training
        assert training is not None, "a row of this table is of a training"
        return training

    @property
    def epoch_s(self) -> Interval | None:
        """The time of one epoch in s, at the measured rate."""
        return _scaled(_inverse(self.cost.images_per_s), self.train_images)

    @property
    def epoch_j(self) -> Interval | None:
        """The energy of one epoch in J."""
        return _scaled(self.cost.energy_per_image_j, self.train_images)

    @property
    def training_s(self) -> Interval | None:
        """The time of all epochs in s."""
        return _scaled(self.epoch_s, self.training.epochs)

    @property
    def flop_per_j(self) -> Interval | None:
        """FLOP per joule, which are FLOP/s/W."""
        return _scaled(self.cost.images_per_j, self.flop_per_image)

    @property
    def all_reduce_ratio(self) -> float | None:
        """The time that the exchange of gradients adds to a step, over the p50 of a step."""
        if self.all_reduce_s is None or self.cost.p50_s is None:
            return None
        return self.all_reduce_s / self.cost.p50_s.value


@dataclass(frozen=True, slots=True)
class Gain:
    """The ratio of one setting's images/s to another's, and that of the energy per image; paired by seed."""

    speed_up: Interval | None
    energy_ratio: Interval | None


@dataclass(frozen=True, slots=True)
class TrainingChoice:
    """The setting to train a network in, `best`: None if no setting is known to keep both accuracy and time limit.

    `accurate` are the settings shown to keep the accuracy, or all if none was measured; `timely` those that keep the
    time limit. `front` are the Pareto-optimal settings: no other is both faster and lower in energy.
    """

    network: str
    best: TrainingSetting | None
    accurate: tuple[TrainingSetting, ...]
    timely: tuple[TrainingSetting, ...]
    front: tuple[TrainingSetting, ...]


def training_settings(
    records: Sequence[TrialRecord],
    spec: SweepSpec,
    failures: Iterable[tuple[Trial, str]] = (),
    confidence: float = 0.95,
) -> tuple[TrainingSetting, ...]:
    """Return one row per setting that has a solo window, or a solo trial that failed; see `efficiencies`."""
    solo = defaultdict(list)
    for record in records:
        if record.trial.task is None:
            solo[record.trial.inference, record.trial.clocks].append(record)
    rows = [
        _row(cost, solo[cost.setting.inference, cost.setting.clocks], confidence)
        for cost in efficiencies(records, spec, failures, confidence)
    ]
    return tuple(
        dataclasses.replace(
            row,
            over_one_rank=_compared(row, _one_rank(row, rows), confidence),
            over_smallest_batch=_compared(row, _smallest_batch(row, rows), confidence),
        )
        for row in rows
    )


def training_choices(rows: Sequence[TrainingSetting], aim: TrainingAim) -> tuple[TrainingChoice, ...]:
    """Return for each network the setting of least energy that keeps accuracy and time, in the order of `rows`.

    If the energy of any of its settings is unknown, the fastest is chosen instead.
    """
    by_network: defaultdict[str, list[TrainingSetting]] = defaultdict(list)
    for row in rows:
        by_network[row.cost.setting.inference.network].append(row)
    return tuple(_choice(network, own, aim) for network, own in by_network.items())


def shown_accurate(accuracies: Sequence[Mapping[int, float]], loss: float) -> list[bool]:
    """Return for each setting whether its accuracy is shown to be at most `loss` below that of every other setting.

    `accuracies` has the accuracy by seed of each setting. Against every other setting there is a one-sided paired t
    test of the mean loss over their common seeds, and the worst of these tests counts. Holm's step-down (1979) over
    the settings keeps the chance that any passes wrongly below `FALSE_CHOICE`, whichever is picked after seeing the
    data: the truly best setting is among the others, so one that is truly too far below it seldom passes. With fewer
    than two common seeds nothing is shown. A single setting passes if it has an accuracy.
    """
    if len(accuracies) == 1:
        return [bool(accuracies[0])]
    chances = [
        max(_chance(own, other, loss) for number, other in enumerate(accuracies) if number != this)
        for this, own in enumerate(accuracies)
    ]
    shown = [False] * len(chances)
    # The truly best setting cannot pass wrongly, so at first one setting fewer than all can.
    for rank, this in enumerate(sorted(range(len(chances)), key=lambda each: chances[each])):
        if chances[this] > FALSE_CHOICE / min(len(chances) - 1, len(chances) - rank):
            break
        shown[this] = True
    return shown


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> Interval | None:
    """Return the mean of shares, one per seed, with Student's t interval cut off at 0 and 1."""
    if not values:
        return None
    mean = float(np.mean(values))
    if len(values) == 1:
        return Interval(mean, None, None)
    half = (
        float(stdtrit(len(values) - 1, (1 + confidence) / 2)) * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    )
    return Interval(mean, max(0.0, mean - half), min(1.0, mean + half))


def _chance(own: Mapping[int, float], other: Mapping[int, float], loss: float) -> float:
    """Return the p-value of these accuracies if `own` were truly below `other` by `loss`; 1 with fewer than two
    common seeds.
    """
    shared = sorted(own.keys() & other.keys())
    if len(shared) < 2:
        return 1.0
    lost = np.array([other[seed] - own[seed] for seed in shared]) - loss
    # Shares of a few hundred images are counts, so differences may have no spread at all.
    spread = float(lost.std(ddof=1)) / math.sqrt(len(shared))
    mean = float(lost.mean())
    if spread < 1e-12:
        return 0.0 if mean < 0 else 1.0
    return float(stdtr(len(shared) - 1, mean / spread))


def _row(cost: Efficiency, records: Sequence[TrialRecord], confidence: float) -> TrainingSetting:
    accuracies = {
        record.trial.repeat: float(accuracy)
        for record in records
        if (accuracy := record.runtime.get("accuracy")) is not None
    }
    facts = records[0].runtime if records else {}
    images, flop = facts.get("train_images"), facts.get("flop_per_image")
    exchange_s = [float(record.runtime["all_reduce_s"]) for record in records if "all_reduce_s" in record.runtime]
    return TrainingSetting(
        cost=cost,
        accuracies=accuracies,
        accuracy=mean_interval([accuracies[seed] for seed in sorted(accuracies)], confidence),
        train_images=None if images is None else int(images),
        flop_per_image=None if flop is None else float(flop),
        all_reduce_s=float(np.median(exchange_s)) if exchange_s else None,
    )


def _one_rank(row: TrainingSetting, rows: Sequence[TrainingSetting]) -> TrainingSetting | None:
    """Return the setting that differs from `row` only in that one rank does all the work."""
    alone = dataclasses.replace(row.training, ranks=1)
    return _like(row, rows, training=alone, backend=alone.backend)


def _smallest_batch(row: TrainingSetting, rows: Sequence[TrainingSetting]) -> TrainingSetting | None:
    """Return the setting that differs from `row` only in its batch, the smallest batch that succeeded."""
    batches = {other.cost.setting.inference.batch for other in rows if other.cost.windows}
    found = (_like(row, rows, batch=batch) for batch in sorted(batches))
    return next((other for other in found if other is not None and other.cost.windows), None)


def _like(row: TrainingSetting, rows: Sequence[TrainingSetting], **changes: object) -> TrainingSetting | None:
    setting = row.cost.setting
    wanted = dataclasses.replace(setting, inference=dataclasses.replace(setting.inference, **changes))  # type: ignore[arg-type]
    return next((other for other in rows if other.cost.setting == wanted), None)


def _compared(row: TrainingSetting, other: TrainingSetting | None, confidence: float) -> Gain | None:
    if other is None or other is row:
        return None
    return Gain(
        window_ratio(row.cost, other.cost, lambda window: window.images_per_s, confidence),
        window_ratio(row.cost, other.cost, lambda window: window.energy_per_image_j, confidence),
    )


def _choice(network: str, rows: Sequence[TrainingSetting], aim: TrainingAim) -> TrainingChoice:
    done = [row for row in rows if row.cost.windows]
    judged = [row for row in done if row.accuracies]
    passed = shown_accurate([row.accuracies for row in judged], aim.accuracy_loss) if judged else []
    accurate = [row for row, keeps in zip(judged, passed, strict=True) if keeps] if judged else done
    timely = [row for row in done if aim.time_limit_s is None or _latest(row.training_s) <= aim.time_limit_s]
    able = [row for row in accurate if row in timely]
    metered = all(row.epoch_j is not None for row in done)
    best = min(able, key=lambda row: _value(row.epoch_j if metered else row.epoch_s), default=None)
    return TrainingChoice(network, best, tuple(accurate), tuple(timely), _front(done))


def _front(rows: Sequence[TrainingSetting]) -> tuple[TrainingSetting, ...]:
    """Return the Pareto-optimal rows in time and energy of an epoch, the fastest first; rows must have both."""
    points = [(_value(row.epoch_s), _value(row.epoch_j), row) for row in rows if row.epoch_s and row.epoch_j]
    points.sort(key=lambda point: point[:2])
    front, least_j = [], math.inf
    for _, energy_j, row in points:
        if energy_j < least_j:
            front.append(row)
            least_j = energy_j
    return tuple(front)


def _value(interval: Interval | None) -> float:
    return math.inf if interval is None else interval.value


def _latest(interval: Interval | None) -> float:
    """Return the upper end of a time, the most that can be promised; its value without an interval."""
    if interval is None:
        return math.inf
    return interval.value if interval.hi is None else interval.hi


def _inverse(interval: Interval | None) -> Interval | None:
    if interval is None:
        return None
    lo, hi = (None if end is None else 1 / end for end in (interval.hi, interval.lo))
    return Interval(1 / interval.value, lo, hi)


def _scaled(interval: Interval | None, factor: float | None) -> Interval | None:
    if interval is None or factor is None:
        return None
    lo, hi = (None if end is None else factor * end for end in (interval.lo, interval.hi))
    return Interval(factor * interval.value, lo, hi)
