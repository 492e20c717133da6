"""What a run was made for. The command writes this into the run's header, and the report chooses its form by it.

The folder in `report/` that shows a kind of run has the name of its `command`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from colocate.model.layers import LayerMap
from colocate.model.request import Inference

LatencyStatistic = Literal["p50_s", "p95_s", "p99_s"]
CeilingQuantity = Literal["flop", "bytes", "nothing"]


@dataclass(frozen=True, slots=True)
class SweepPurpose:
    """A run that shows how much tasks slow a network, and which tasks are safe."""

    command: Literal["sweep"] = "sweep"


@dataclass(frozen=True, slots=True)
class Axes:
    """The settings to measure, in every combination. The first of `backends` is the default that others are compared
    with.
    """

    networks: tuple[str, ...]
    batches: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 128)
    precisions: tuple[str, ...] = ("fp32", "fp16")
    backends: tuple[str, ...] = ("auto",)


@dataclass(frozen=True, slots=True)
class Aim:
    """What makes one setting better than another; `study.trade_offs.utility` computes it.

    Without a limit it is images/s/W, or images/s if there is no power meter.
    """

    latency_limit_s: float | None = None
    quantile: LatencyStatistic = "p99_s"
    utility: Literal["within", "fading"] = "within"
    power_budget_w: float | None = None


@dataclass(frozen=True, slots=True)
class EfficiencyPurpose:
    """A run that measures the throughput and the energy of networks for each setting."""

    axes: Axes
    aim: Aim
    default_backend: str
    command: Literal["efficiency"] = "efficiency"


@dataclass(frozen=True, slots=True)
class CeilingProbe:
    """A network that measures what the machine can do at best, or what launching a network costs.

    `amount` is the FLOP or the bytes of one inference, as `quantity` says. `size` is the rows and columns of its
    matrices, or 0 if the runtime makes the network itself.
    """

    quantity: CeilingQuantity
    amount: int
    size: int
    backend: str
    precision: str


@dataclass(frozen=True, slots=True)
class LayersPurpose:
    """A run that measures where one network spends time and energy.

    `subgraphs` maps the file of each fused layer that is run by itself to the layer's index in `layer_map`.
    `ceilings` has the probes by the name of their network.
    """

    inference: Inference
    layer_map: LayerMap
    subgraphs: Mapping[str, int] = field(default_factory=dict)
    ceilings: Mapping[str, CeilingProbe] = field(default_factory=dict)
    command: Literal["layers"] = "layers"


@dataclass(frozen=True, slots=True)
class TrainingAxes:
    """The settings to measure, in every combination. All ranks split a batch. With 0 `gpus` one process trains on the
    CPUs.
    """

    networks: tuple[str, ...] = ("resnet50",)
    batches: tuple[int, ...] = (64, 128, 256)
    gpus: tuple[int, ...] = (1,)
    precisions: tuple[str, ...] = ("fp32",)


@dataclass(frozen=True, slots=True)
class TrainingAim:
    """The conditions for the recommended training setting; of the settings that meet them it uses the least energy.

    Its accuracy is at most `accuracy_loss` below the best (0.01: one in a hundred images), and the training takes at
    most `time_limit_s` (None: no limit).
    """

    accuracy_loss: float = 0.01
    time_limit_s: float | None = None


@dataclass(frozen=True, slots=True)
class TrainingPurpose:
    """A run that measures the time, energy and accuracy of training networks for each setting."""

    axes: TrainingAxes
    aim: TrainingAim
    command: Literal["training"] = "training"


Purpose = SweepPurpose | EfficiencyPurpose | LayersPurpose | TrainingPurpose
