"""The Tegra X1 without noise: what one inference and one background task cost, at any clocks."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from colocate.inference.networks import catalogue
from colocate.inference.onnx import graph
from colocate.model.containment import Containment
from colocate.model.request import WIDTH_BYTES, Inference
from colocate.model.trial import FloatArray, Step
from colocate.rigs.tx1.clocks import BoardClocks
from colocate.rigs.tx1.constants import Constants
from colocate.rigs.tx1.contained import duty, network_share, weight_ratio
from colocate.rigs.tx1.kernels import Kernels, kernels
from colocate.rigs.tx1.power import inference_j, resting_w, spent_j
from colocate.rigs.tx1.tasks import task, traffic_bytes_per_s, unit_s
from colocate.rigs.tx1.timing import Timeline, durations_s, timeline


@dataclass(frozen=True, slots=True)
class Load:
    """Background tasks: `processes` copies of one of `tasks.UNITS`, one of them on the network's core if `shared`.

    `containment` limits them; its number of CPUs is in `processes` already.
    """

    task: str
    processes: int = 1
    shared: bool = False
    containment: Containment | None = None


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """The clocks, and what runs beside the network. If `emc_hz` is None, the memory clock follows the others.
    `pressure_bytes_per_s` is memory traffic besides that of `load`.
    """

    cpu_hz: int
    gpu_hz: int
    load: Load | None = None
    pressure_bytes_per_s: float = 0.0
    emc_hz: int | None = None

    @property
    def clocks(self) -> BoardClocks:
        """The clocks alone."""
        return BoardClocks(self.cpu_hz, self.gpu_hz, self.emc_hz)


@dataclass(frozen=True, slots=True, eq=False)
class InferenceWork:
    """The work of one inference: the layers of its graph, the kernels that run them, and the host's CPU cycles before
    them.
    """

    layers: Sequence[graph.Layer]
    kernels: Kernels
    prepare_cycles: float


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What a window shows. Without a network, `line` and `inference_j` are None.

    `resting_w` (3,), in W, is drawn throughout. An inference adds `inference_j` (257, 3), in J up to equidistant
    moments of its duration. The 3 rails are `power.RAILS`. All processes of the load together do `work_per_s` and use
    `work_cpus` CPUs. An inference takes `latency_s`, and one begins every `every_s`. If a quota makes inferences
    differ, these are means and `line` is None.
    """

    emc_hz: int
    resting_w: FloatArray
    work_per_s: float = 0.0
    work_cpus: float = 0.0
    line: Timeline | None = None
    inference_j: FloatArray | None = None
    latency_s: float = 0.0
    every_s: float = 0.0

    @property
    def power_w(self) -> FloatArray:
        """The mean power of the rails in W (3,)."""
        if self.inference_j is None:
            return self.resting_w
        mean: FloatArray = self.resting_w + self.inference_j[-1] / self.every_s
        return mean


class Tx1Model:
    """The model with its constants. It keeps its predictions, because a study asks for each setting many times."""

    def __init__(self, constants: Constants | None = None) -> None:
        self.constants = Constants() if constants is None else constants
        self._work: dict[Inference, InferenceWork] = {}
        self._predictions: dict[tuple[Inference | None, OperatingPoint], Prediction] = {}

    def predict(self, inference: Inference | None, setting: OperatingPoint) -> Prediction:
        """Return the prediction for one inference beside the setting's load. Without an inference it is for the load
        alone, or for an idle machine.

        A load with a quota is taken to have some of it left: see `on_average`. Raises SpecError if the work of a
        layer is not known.
        """
        key = (inference, setting)
        if key not in self._predictions:
            self._predictions[key] = self._predicted(inference, setting)
        return self._predictions[key]

    def on_average(self, inference: Inference | None, setting: OperatingPoint) -> Prediction:
        """Return `predict` averaged over many periods of the load's quota: for a part of each the load runs, then it
        waits.
        """
        running, load = self.predict(inference, setting), setting.load
        part = 1.0 if load is None else duty(load.containment, running.work_cpus)
        if part == 1.0:
            return running
        mixed = _mixed(running, self.predict(inference, replace(setting, load=None)), part)
        period_s = 0.0 if inference is None else inference.period_s or 0.0
        return replace(mixed, every_s=max(mixed.latency_s, period_s))

    def work(self, inference: Inference) -> InferenceWork:
        """Return the work of one inference. Raises SpecError if that is not known."""
        if inference not in self._work:
            c, found = self.constants, layers(inference)
            read_bytes = WIDTH_BYTES["fp32"] * max(
                (layer.input_elements or 0 for layer in found if not layer.inputs), default=0
            )
            caffe = inference.backend == "caffe"
            cycles = c.prepare_cycles * inference.batch if caffe else c.copy_cycles * read_bytes
            self._work[inference] = InferenceWork(found, kernels(found, inference, c), cycles)
        return self._work[inference]

    def steps(self, inference: Inference, setting: OperatingPoint) -> tuple[Step, ...]:
        """Return a step for each layer that has kernels: their time, without waits for launches, and their energy
        above an idle board.
        """
        work, line = self.work(inference), self.predict(inference, setting).line
        assert line is not None, "a network has a timeline"
        begun_j, ended_j = (
            spent_j(m, line, work.kernels, inference.precision, setting.clocks, self.constants)[:, 0]
            for m in (line.begins_s, line.ends_s)
        )
        return tuple(
            Step(
                work.layers[int(index)].name,
                work.layers[int(index)].kind,
                float((line.ends_s - line.begins_s)[work.kernels.layer == index].sum()),
                float((ended_j - begun_j)[work.kernels.layer == index].sum()),
            )
            for index in np.unique(work.kernels.layer)
        )

    def _predicted(self, inference: Inference | None, setting: OperatingPoint) -> Prediction:
        c, cpu_hz, load = self.constants, setting.cpu_hz, setting.load
        emc = setting.clocks.resting_emc_hz if inference is None else setting.clocks.busy_emc_hz
        pressure, work_cpus = setting.pressure_bytes_per_s, 0.0
        if load is not None:
            pressure += load.processes * traffic_bytes_per_s(task(load.task, c), cpu_hz, emc, c)
            work_cpus = float(load.processes)
        line, energy_j, taken, every_s = None, None, setting.pressure_bytes_per_s, 0.0
        if inference is not None:
            work = self.work(inference)
            line = self._line(work, setting, emc, pressure)
            energy_j = inference_j(line, work.kernels, inference.precision, setting.clocks, c)
            every_s = max(line.latency_s, inference.period_s or 0.0)
            taken += float(work.kernels.traffic_bytes.sum()) / every_s
            work_cpus -= line.host_cpu_s / every_s if load is not None and load.shared else 0.0
        work_per_s, traffic, w_per_hz = 0.0, setting.pressure_bytes_per_s, 0.0
        if load is not None:
            done = task(load.task, c)
            work_per_s = work_cpus / unit_s(done, cpu_hz, emc, taken, c)
            traffic += work_per_s * done.bytes_per_unit
            w_per_hz = work_cpus * done.w_per_hz
        latency_s = 0.0 if line is None else line.latency_s
        resting = resting_w(setting.clocks, w_per_hz, traffic, c)
        return Prediction(emc, resting, work_per_s, work_cpus, line, energy_j, latency_s, every_s)

    def _line(
        self, work: InferenceWork, setting: OperatingPoint, emc_hz: int, pressure_bytes_per_s: float
    ) -> Timeline:
        c, load = self.constants, setting.load

        def lined(pressure_bytes_per_s: float, host_share: float) -> Timeline:
            running_s = durations_s(work.kernels, setting.gpu_hz, emc_hz, pressure_bytes_per_s, c)
            return timeline(running_s, work.prepare_cycles, setting.cpu_hz, host_share, c)

        if load is None or not load.shared:
            return lined(pressure_bytes_per_s, 1.0)
        line = lined(pressure_bytes_per_s, share := network_share(load.containment, c))
        if weight_ratio(load.containment) >= 1:
            return line
        # The memory traffic of the process on the network's core is that of one of equal weight, times its share of
        # that core over the share of one of equal weight.
        less = 1 - line.host_idle_ratio / lined(pressure_bytes_per_s, c.shared_ratio).host_idle_ratio
        own = traffic_bytes_per_s(task(load.task, c), setting.cpu_hz, emc_hz, c)
        return lined(pressure_bytes_per_s - less * own, share)


def _mixed(running: Prediction, waiting: Prediction, part: float) -> Prediction:
    """Return the mean of two predictions, for a load that runs for this `part` of the time and waits for the rest."""

    def mean(of_running: FloatArray, of_waiting: FloatArray) -> FloatArray:
        mixed: FloatArray = part * of_running + (1 - part) * of_waiting
        return mixed

    latency_s, energy_j = 0.0, None
    if running.inference_j is not None and waiting.inference_j is not None:
        latency_s = 1 / (part / running.latency_s + (1 - part) / waiting.latency_s)
        per_s = running.inference_j / running.latency_s, waiting.inference_j / waiting.latency_s
        energy_j = latency_s * mean(*per_s)
    return Prediction(
        running.emc_hz,
        mean(running.resting_w, waiting.resting_w),
        part * running.work_per_s,
        part * running.work_cpus,
        None,
        energy_j,
        latency_s,
    )


def layers(inference: Inference) -> Sequence[graph.Layer]:
    """Return the layers of the graph that real runtimes load. Raises SpecError for a network that cannot be used."""
    if inference.network in catalogue.builtin_names():
        return builtin_layers(inference.network, inference.batch)
    return graph.layers(catalogue.resolve(inference.network, inference.batch, choices=inference.inputs).path)


@functools.cache
def builtin_layers(network: str, batch: int) -> Sequence[graph.Layer]:
    """Return the layers of a built-in network, kept because published figures ask for them often."""
    return graph.layers_of_own(catalogue.skeleton(network, batch))
