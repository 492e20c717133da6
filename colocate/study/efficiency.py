"""Solo windows -> images per second and per joule of each setting of a network.

A setting is a network, batch, precision, runtime and clock point. Each block has one solo window, which gives one
value of each quantity. A row has the geometric mean over the blocks, with an interval.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from colocate.model.cell import Interval
from colocate.model.quality import QualityFlag, in_order
from colocate.model.request import ClockPoint, Inference, SweepSpec
from colocate.model.trial import Trial, TrialRecord
from colocate.study.interference import INTERVAL_MIN_BLOCKS
from colocate.study.stats import geometric_mean, known_quantiles, sample_quantile
from colocate.study.windows import energies_j


@dataclass(frozen=True, slots=True)
class Setting:
    """How a network is run, and at which clocks."""

    inference: Inference
    clocks: ClockPoint


@dataclass(frozen=True, slots=True)
class Window:
    """The values of one solo window; None if unknown.

    Latencies are of one inference, that is of all images of the batch. Power and energy are the board's, with what it
    draws idle.
    """

    repeat: int
    placement: str
    images_per_s: float
    p50_s: float
    p99_s: float | None
    power_w: float | None
    energy_per_image_j: float | None
    p95_s: float | None = None


@dataclass(frozen=True, slots=True)
class Efficiency:
    """One setting over all its blocks. Without windows every quantity is None, and `failure` says why.

    `n` counts inferences. `p95_s` and `p99_s` are means over the windows with enough inferences to know them.
    """

    setting: Setting
    windows: tuple[Window, ...] = ()
    n: int = 0
    images_per_s: Interval | None = None
    p50_s: Interval | None = None
    p99_s: Interval | None = None
    power_w: Interval | None = None
    energy_per_image_j: Interval | None = None
    failure: str | None = None
    warnings: tuple[QualityFlag, ...] = ()
    p95_s: Interval | None = None

    @property
    def images_per_j(self) -> Interval | None:
        """Images per joule, which is images/s/W: the reciprocal of the energy per image. None if that is unknown."""
        energy_j = self.energy_per_image_j
        if energy_j is None:
            return None
        lo, hi = (None if end is None else 1 / end for end in (energy_j.hi, energy_j.lo))
        return Interval(1 / energy_j.value, lo, hi)


def efficiencies(
    records: Iterable[TrialRecord],
    spec: SweepSpec,
    failures: Iterable[tuple[Trial, str]] = (),
    confidence: float = 0.95,
) -> tuple[Efficiency, ...]:
    """Return one row per setting that has a solo window or a failed solo trial.

    Networks are in the order of `spec`, their settings ascending. `failures` are trials, each with its message. A
    failed trial that also has a record was run again and does not count. Windows beside a task are ignored. Raises
    ValueError for a network that `spec` does not name.
    """
    solo: defaultdict[Setting, list[TrialRecord]] = defaultdict(list)
    for record in sorted(records, key=lambda r: (r.trial.repeat, r.trial.block, r.trial.trial_id)):
        if (setting := _solo_setting(record.trial)) is not None:
            solo[setting].append(record)
    done = {record.trial.trial_id for own in solo.values() for record in own}
    messages: dict[Setting, str] = {}
    for trial, message in failures:
        if (setting := _solo_setting(trial)) is not None and trial.trial_id not in done:
            messages.setdefault(setting, message)
    networks = [asked.network for asked in spec.inferences]
    ordered = sorted({*solo, *messages}, key=lambda setting: _rank(networks, setting))
    return tuple(_row(setting, solo[setting], messages.get(setting), confidence) for setting in ordered)


def _solo_setting(trial: Trial) -> Setting | None:
    return None if trial.inference is None or trial.task else Setting(trial.inference, trial.clocks)


def _rank(networks: Sequence[str], setting: Setting) -> tuple[int | str | float, ...]:
    inference, clocks = setting.inference, setting.clocks
    # A clock left to its governor sorts before the steps.
    hz = [hz or 0 for hz in dataclasses.astuple(clocks)]
    return networks.index(inference.network), *inference.ways, *hz


def _row(setting: Setting, records: Sequence[TrialRecord], failure: str | None, confidence: float) -> Efficiency:
    windows = tuple(_window(record) for record in records if len(record.latencies_s))
    warnings = {warning for record in records for warning in record.warnings}
    if failure is not None:
        warnings.add(QualityFlag.TRIALS_FAILED)
    if records and len(windows) < INTERVAL_MIN_BLOCKS:
        warnings.add(QualityFlag.TOO_FEW_REPEATS)
    if any(window.p99_s is None for window in windows) or len(windows) < len(records):
        warnings.add(QualityFlag.TOO_FEW_FOR_P99)
    return Efficiency(
        setting=setting,
        windows=windows,
        n=sum(len(record.latencies_s) for record in records),
        images_per_s=_mean([window.images_per_s for window in windows], confidence),
        p50_s=_mean([window.p50_s for window in windows], confidence),
        p99_s=_mean([window.p99_s for window in windows], confidence),
        power_w=_mean([window.power_w for window in windows], confidence),
        energy_per_image_j=_mean([window.energy_per_image_j for window in windows], confidence),
        failure=failure,
        warnings=in_order(warnings),
        p95_s=_mean([window.p95_s for window in windows], confidence),
    )


def _window(record: TrialRecord) -> Window:
    assert record.trial.inference is not None, "a solo window has a network"
    images = len(record.latencies_s) * record.trial.inference.batch
    energy_j = energies_j(record)[0]
    # A meter that shows nothing or less is broken, and its record says so among its warnings.
    metered = energy_j if energy_j is not None and energy_j > 0 else None
    p95_s, p99_s = known_quantiles(record.latencies_s, (0.95, 0.99))
    return Window(
        repeat=record.trial.repeat,
        placement=record.trial.placement.name,
        images_per_s=images / record.elapsed_s,
        p50_s=sample_quantile(record.latencies_s, 0.50),
        p95_s=p95_s,
        p99_s=p99_s,
        power_w=None if metered is None else metered / record.elapsed_s,
        energy_per_image_j=None if metered is None else metered / images,
    )


def _mean(values: Sequence[float | None], confidence: float) -> Interval | None:
    present = [value for value in values if value is not None]
    return geometric_mean(np.array(present), confidence) if present else None
