"""Find in a run what the plots of the founding study (Jetson TX1, 2017) need."""

from __future__ import annotations

import itertools
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from colocate.model.cell import SOLO, Cell, Interval
from colocate.model.request import Inference
from colocate.model.trial import Condition, FloatArray, TrialRecord
from colocate.report.text.labels import ContainedTask, inferences_of, placements_of, tasks_of
from colocate.study.conditions import latencies
from colocate.study.rails import rail_roles
from colocate.study.stats import integrate, paired_ratio, sample_quantile

NETWORKS = ("alexnet", "googlenet", "resnet152")
BITCOUNT, STRINGSEARCH = "bitcount", "stringsearch"
_JPEGS = ("jpeg", "jpeg-small")


@dataclass(frozen=True, slots=True)
class FoundingStudy:
    """What the plots need. Each network was run in one way, and the memory had one clock.

    `gpu_hz` are the highest, middle and lowest clock: the page has room for three. `alone` has the solo cell of each
    network, CPU clock and GPU clock. `task_cpu_w` is the power of the CPU while a task runs alone, by task and CPU
    clock. `jpeg_ratio` is the latency beside jpeg over that beside bitcount at the highest GPU clock, by network and
    CPU clock. `traffic_bytes` is the memory traffic of an inference of each network; empty if unknown, as on a board.
    """

    networks: Sequence[Inference]
    cpu_hz: Sequence[int]
    gpu_hz: Sequence[int | None]
    alone: Mapping[tuple[str, int | None, int | None], Cell]
    jpeg: str
    task_cpus: int
    task_cpu_w: Mapping[tuple[str, int], float]
    jpeg_ratio: Mapping[tuple[str, int], Interval]
    traffic_bytes: Sequence[float]
    memory_hz: int | None

    @property
    def mhz(self) -> FloatArray:
        """The CPU clocks in MHz (clocks,)."""
        return np.array(self.cpu_hz) / 1e6


def founding_study_of(
    cells: Sequence[Cell], records: Sequence[TrialRecord], described: Mapping[str, Mapping[str, Any]]
) -> FoundingStudy | None:
    """What the plots need; None if a network, task, CPU clock or power rail is missing.

    `described` are the descriptions of the networks in the run's header.
    """
    placement = next(iter(placements_of(cells)), None)
    # The study left the memory's clock alone; of those that were set, the highest is what a busy GPU asks for.
    memory_hz = max((cell.clocks.emc_hz or 0 for cell in cells), default=0) or None
    cells = [cell for cell in cells if cell.clocks.emc_hz == memory_hz]
    records = [record for record in records if record.trial.clocks.emc_hz == memory_hz]
    # The study knew no containment.
    own = [cell for cell in cells if cell.placement == placement and cell.containment is None]
    # Where a network was run in several ways, the first.
    networks = {inference.network: inference for inference in reversed(inferences_of(own))}
    jpeg = next((task for task in _JPEGS if ContainedTask(task) in tasks_of(own)), None)
    alone = {
        (cell.inference.network, cell.clocks.cpu_hz, cell.clocks.gpu_hz): cell
        for cell in own
        if cell.task == SOLO
        and cell.inference.network in NETWORKS
        and networks[cell.inference.network] == cell.inference
        if None not in (cell.p50_s, cell.power_w, cell.power_gpu_w)
    }
    cpu_hz = sorted({hz for _, hz, _ in alone if hz is not None})
    gpu_hz = sorted({hz for *_, hz in alone}, key=lambda hz: hz or 0, reverse=True)
    if jpeg is None or len(cpu_hz) < 2 or len(alone) < len(NETWORKS) * len(cpu_hz) * len(gpu_hz):
        return None
    trials = ((record, record.trial) for record in records if record.trial.placement.name == placement)
    here = [record for record, trial in trials if trial.task is None or trial.task.containment is None]
    task_w, tasks = _task_cpu_w(here), (BITCOUNT, jpeg, STRINGSEARCH)
    ratio = _latency_ratio([r for r in here if r.trial.clocks.gpu_hz == gpu_hz[0]], networks, jpeg)
    wanted_w, wanted = itertools.product((SOLO, *tasks), cpu_hz), itertools.product(NETWORKS, cpu_hz)
    if not (task_w.keys() >= {*wanted_w} and ratio.keys() >= {*wanted}):
        return None
    shown = [gpu_hz[index] for index in sorted({0, len(gpu_hz) // 2, len(gpu_hz) - 1})]
    task_cpus = max(len(record.trial.placement.task_cpus) for record in here)
    inferences = [networks[network] for network in NETWORKS]
    known = [described.get(each.file_label, {}).get("memory_traffic_bytes") for each in inferences]
    traffic = [] if None in known else [float(each or 0.0) for each in known]
    return FoundingStudy(inferences, cpu_hz, shown, alone, jpeg, task_cpus, task_w, ratio, traffic, memory_hz)


def _task_cpu_w(records: Sequence[TrialRecord]) -> dict[tuple[str, int], float]:
    """Mean power of the CPU in W without a network, by task and CPU clock, over all GPU clocks: the GPU is idle."""
    found: defaultdict[tuple[str, int], list[float]] = defaultdict(list)
    for record in records:
        trial, trace = record.trial, record.power
        if trial.inference is not None or trial.clocks.cpu_hz is None or trace is None or not len(trace.t_s):
            continue
        if rails := rail_roles(trace.rails).cpu:
            energy_j = integrate(trace.t_s, trace.power_w, 0.0, record.elapsed_s)[list(rails)].sum()
            task = SOLO if trial.task is None else trial.task.name
            found[task, trial.clocks.cpu_hz].append(float(energy_j) / record.elapsed_s)
    return {key: statistics.fmean(powers_w) for key, powers_w in found.items()}


def _latency_ratio(
    records: Sequence[TrialRecord], networks: Mapping[str, Inference], jpeg: str
) -> dict[tuple[str, int], Interval]:
    """Median latency beside `jpeg` over that beside bitcount, paired by block, for each network and CPU clock."""
    medians: defaultdict[tuple[str, int], defaultdict[int, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for record in records:
        trial = record.trial
        if trial.inference is None or trial.task is None or trial.clocks.cpu_hz is None:
            continue
        latencies_s = latencies(record, Condition.BESIDE)
        if networks.get(trial.inference.network) == trial.inference and len(latencies_s):
            own = medians[trial.inference.network, trial.clocks.cpu_hz][trial.block]
            own[trial.task.name] = sample_quantile(latencies_s, 0.5)
    pairs = {
        key: [(own[BITCOUNT], own[jpeg]) for own in blocks.values() if {BITCOUNT, jpeg} <= own.keys()]
        for key, blocks in medians.items()
    }
    return {key: paired_ratio(*np.array(both).T) for key, both in pairs.items() if both}
