"""The model of the Tegra X1 as a rig: trials in virtual time."""

from __future__ import annotations

import collections
import contextlib
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from colocate.errors import SpecError
from colocate.inference.networks import catalogue
from colocate.inference.networks.engine_file import refuse_engine
from colocate.inference.onnx import graph
from colocate.inference.onnx.layer_map import fused_layers
from colocate.model.layers import Ceilings, LayerMap
from colocate.model.machine import HostFacts, Missing
from colocate.model.provenance import Provenance, PublishedCheck
from colocate.model.request import WIDTH_BYTES, ClockPoint, Inference
from colocate.model.trial import Step, Trial, TrialRecord, Work
from colocate.rigs.tx1.alternating import alternated
from colocate.rigs.tx1.clocks import CPU_STEPS_HZ, EMC_STEPS_HZ, GPU_STEPS_HZ, BoardClocks
from colocate.rigs.tx1.constants import assuming, described
from colocate.rigs.tx1.heat import sustained_hz
from colocate.rigs.tx1.model import Load, OperatingPoint, Prediction, Tx1Model, builtin_layers, layers
from colocate.rigs.tx1.noise import drift
from colocate.rigs.tx1.power import RAILS
from colocate.rigs.tx1.published import validate
from colocate.rigs.tx1.sensor import shown
from colocate.rigs.tx1.steady import inferred
from colocate.rigs.tx1.tasks import UNITS
from colocate.rigs.tx1.timing import memory_bytes_per_s
from colocate.study.plan import distinct_inferences

NAME = "tx1-model"
BACKENDS = ("tensorrt", "caffe")
CACHE_BYTES = 2 * 2**20
MEMORY_BYTES = 4 * 2**30


class Tx1Rig:
    """A model of a Jetson TX1 that runs trials like the board would. Nothing that it returns is measured."""

    def __init__(self, model: Mapping[str, float] | None = None, profiled: str | None = None) -> None:
        """`model` sets assumed constants; see `make_rig` for `profiled`.

        Raises SpecError for other constants, and for values out of range.
        """
        self._profiled = profiled
        self._model = Tx1Model(assuming(model or {}))

    def facts(self) -> HostFacts:
        """See `Rig.facts`. With other constants it is another machine, so `machine_id` depends on them."""
        values = ", ".join(f"{each.name}={each.value!r}" for each in described(self._model.constants))
        return HostFacts(
            rig=NAME,
            machine_id=f"{NAME}-{hashlib.sha256(values.encode()).hexdigest()[:8]}",
            architecture="aarch64",
            cpu_model="MODEL of a Tegra X1 (4 Cortex-A57 and a Maxwell GPU of 256 lanes): nothing here is measured",
            cpus=(0, 1, 2, 3),
            last_level_cache_bytes=CACHE_BYTES,
            kernel="none (a model in virtual time; its clock steps are those of L4T 24.2.1)",
            confinement="model",
            pausing="model",
            virtual_time=True,
            memory_bytes=MEMORY_BYTES,
            confinement_note="no two processes share a core of the model, unless the placement is shared",
            cpu_steps_hz=CPU_STEPS_HZ,
            gpu_steps_hz=GPU_STEPS_HZ,
            emc_steps_hz=EMC_STEPS_HZ,
            rails=RAILS,
            backends=BACKENDS,
            containment_missing={
                "fifo": Missing("this model has no real-time class", "leave it out, or use --rig host")
            },
        )

    def check(self, trials: Sequence[Trial]) -> None:
        """See `Rig.check`. Only tasks whose cycles and traffic are known can be modelled."""
        for inference in distinct_inferences(trials):
            if inference.training is not None:
                raise SpecError(f"rig '{NAME}' is a model and trains nothing: use --rig host")
            if inference.pipeline is not None:
                raise SpecError(
                    f"rig '{NAME}' is a model and runs no program: measure pipeline '{inference.network}' on a real "
                    "machine: use --rig host"
                )
            if inference.graph or inference.wait != "block":
                raise SpecError(
                    f"rig '{NAME}' models a thread that launches kernels one by one and sleeps until the GPU is "
                    "done: leave out graph and wait"
                )
            refuse_engine(inference.network, "whose layers only TensorRT can read")
            catalogue.check(inference.network, inference.batch, inference.inputs)
            self._check_memory(inference)
        for task in dict.fromkeys(trial.task for trial in trials if trial.task is not None):
            if task.argv or task.name not in UNITS:
                known = ", ".join(UNITS)
                raise SpecError(
                    f"rig '{NAME}' knows what {known} do on a Tegra X1; what '{task.name}' does must be measured "
                    "on a real machine: use --rig host"
                )

    def _check_memory(self, inference: Inference) -> None:
        """Raise SpecError for a batch that the board could not hold.

        Any runtime needs at least all weights, and what one layer reads and writes. A batch that passes may still not
        have fitted.
        """
        found, width = layers(inference), WIDTH_BYTES[inference.precision]
        values = max(((layer.input_elements or 0) + (layer.output_elements or 0) for layer in found), default=0)
        need_bytes = width * (values + sum(layer.weight_elements for layer in found))
        if need_bytes > MEMORY_BYTES:
            raise SpecError(
                f"'{inference.network}' in batches of {inference.batch} needs {need_bytes / 2**30:.1f} GiB at the "
                f"least, and a Jetson TX1 has {MEMORY_BYTES // 2**30}: lower the batch"
            )

    def networks(self, inferences: Sequence[Inference]) -> Mapping[str, Mapping[str, Any]]:
        """See `Rig.networks`. The model needs no weights, so it makes no file for a built-in network."""
        traffic = {inference: self._model.work(inference).kernels.traffic_bytes.sum() for inference in inferences}
        ways = collections.Counter(inference.file_label for inference in inferences)
        return {
            inference.file_label: {
                **_described(inference),
                # A file that is run in several ways has no one number.
                **({"memory_traffic_bytes": float(traffic[inference])} if ways[inference.file_label] == 1 else {}),
            }
            for inference in inferences
        }

    def provenance(self) -> Provenance:
        """See `Rig.provenance`: every constant with its source, and the model beside every published figure."""
        return Provenance(
            constants=tuple(described(self._model.constants)),
            validation=tuple(
                PublishedCheck(
                    check.figure.name, check.figure.source, check.figure.role, check.figure.quantity,
                    check.published, check.model, check.error_ratio, check.figure.rail,
                )
                for check in validate(self._model)
            ),
        )  # fmt: skip

    @contextlib.contextmanager
    def opened(self, trials: Sequence[Trial]) -> Iterator[None]:
        """See `Rig.opened`. A model needs no preparation."""
        yield

    def run(self, trial: Trial) -> TrialRecord:
        """See `Rig.run`. `elapsed_s` may be longer than the window asked for: see `inferences_min`.

        Every trial has a virtual clock of its own, which starts with its warm-up. So a resumed run equals one that
        was never interrupted.
        """
        return alternated(trial, _setting(trial), self._model) if trial.alternating else self._steady(trial)

    def _steady(self, trial: Trial) -> TrialRecord:
        c, setting = self._model.constants, _setting(trial)
        if trial.inference is not None:
            sustained = sustained_hz(self._model, {(trial.inference, setting): 1.0}, setting.gpu_hz)
            setting = replace(setting, gpu_hz=sustained)
        average, found = self._model.on_average(trial.inference, setting), inferred(trial, setting, self._model)
        # Drift makes inferences longer at the same power, so they take more energy.
        inference_j = (
            np.zeros((2, len(RAILS))) if average.inference_j is None else average.inference_j * drift(trial, c)
        )
        profile: tuple[Step, ...] = ()
        if trial.inference is not None and trial.inference.network == self._profiled:
            steps = self._model.steps(trial.inference, setting)
            # As above.
            profile = tuple(
                replace(step, time_s=step.time_s * found.slower, energy_j=(step.energy_j or 0.0) * found.slower)
                for step in steps
            )
        return TrialRecord(
            trial=trial,
            started_unix_s=trial.warmup_s,
            elapsed_s=found.elapsed_s,
            begins_s=found.due_s,
            latencies_s=found.latencies_s,
            work=_work(setting, average, found.elapsed_s, found.slower),
            power=shown(found.begins_s, found.lengths_s, inference_j, average.resting_w, found.elapsed_s, c),
            cpu_hz_seen=setting.cpu_hz,
            gpu_hz_seen=setting.gpu_hz,
            emc_hz_seen=average.emc_hz,
            profile=profile,
        )

    def layer_map(self, inference: Inference, clocks: ClockPoint, *, runs: bool = True) -> LayerMap:
        """See `Rig.layer_map`. The ceilings are the peak rate of the GPU's lanes and the memory's highest
        bandwidth.
        """
        own = _board_clocks(clocks)
        c, layers = self._model.constants, self._model.work(inference).layers
        ran = self._model.steps(inference, OperatingPoint(own.cpu_hz, own.gpu_hz, emc_hz=own.set_emc_hz))
        halves = c.fp16_gain if inference.precision == "fp16" else 1.0
        memory = memory_bytes_per_s(own.busy_emc_hz, c)
        return LayerMap(
            fused_layers=fused_layers(ran, graph.in_precision(layers, inference.precision)),
            timed=True,
            metered=True,
            ceilings=Ceilings(
                flop_per_s=2 * c.macs_per_cycle * halves * own.gpu_hz,
                bytes_per_s=min(memory, c.gpu_bytes_per_cycle * own.gpu_hz),
            ),
            precision=inference.precision,
        )


def _setting(trial: Trial) -> OperatingPoint:
    """Return the trial's clocks and load."""
    clocks = _board_clocks(trial.clocks)
    alone = OperatingPoint(clocks.cpu_hz, clocks.gpu_hz, emc_hz=clocks.set_emc_hz)
    if trial.task is None:
        return alone
    containment, places = trial.task.containment, trial.placement
    cpus = places.task_cpus[: containment.cpus if containment else None]
    shared = not set(places.inference_cpus).isdisjoint(cpus)
    return replace(alone, load=Load(trial.task.name, len(cpus), shared, containment))


def _board_clocks(clocks: ClockPoint) -> BoardClocks:
    """Return the board's clocks. Under load, governors raise a CPU or GPU clock that is left to them to the highest
    step.
    """
    return BoardClocks(clocks.cpu_hz or CPU_STEPS_HZ[-1], clocks.gpu_hz or GPU_STEPS_HZ[-1], clocks.emc_hz)


def _work(setting: OperatingPoint, predicted: Prediction, elapsed_s: float, slower: float) -> Work | None:
    """Return the load's work; an unfinished unit counts by the part that is done. None without a load."""
    if setting.load is None:
        return None
    count = predicted.work_per_s * elapsed_s / slower
    return Work(UNITS[setting.load.task], count, elapsed_s, predicted.work_cpus * elapsed_s)


def _described(inference: Inference) -> Mapping[str, Any]:
    if inference.network not in catalogue.builtin_names():
        network = catalogue.resolve(inference.network, inference.batch, choices=inference.inputs).to_json()
        return {key: value for key, value in network.items() if key != "path"}
    model = catalogue.skeleton(inference.network, inference.batch)
    return {
        "name": inference.network,
        "graph_sha256": hashlib.sha256(model.SerializeToString(deterministic=True)).hexdigest(),
        "parameters": graph.parameters(model),
        "macs": graph.macs(builtin_layers(inference.network, inference.batch)),
    }
