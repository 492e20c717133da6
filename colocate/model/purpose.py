"""What a run was made for: written into its header by the command, matched by the report.

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
    """What tasks cost a network, and which of them may stay."""

    command: Literal["sweep"] = "sweep"


@dataclass(frozen=True, slots=True)
class Axes:
    """Settings to combine, each with each. The first of `backends` is the default that others are compared with."""

    networks: tuple[str, ...]
    batches: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 128)
    precisions: tuple[str, ...] = ("fp32", "fp16")
    backends: tuple[str, ...] = ("auto",)


@dataclass(frozen=True, slots=True)
class Aim:
    """What makes one setting better than another, see `study.efficiency.utility`: without a limit, images/s/W.

    Without a power meter it is images/s.
    """

    latency_limit_s: float | None = None
    quantile: LatencyStatistic = "p99_s"
    utility: Literal["within", "fading"] = "within"
    power_budget_w: float | None = None


@dataclass(frozen=True, slots=True)
class EfficiencyPurpose:
    """What networks give per second and per joule, setting by setting."""

    axes: Axes
    aim: Aim
    default_backend: str
    command: Literal["efficiency"] = "efficiency"


@dataclass(frozen=True, slots=True)
class CeilingProbe:
    """A network that shows what the machine can do at best, or what starting one costs.

    `amount` is the FLOP or bytes of one inference. `size` is 0 where the runtime makes the network itself.
    """

    quantity: CeilingQuantity
    amount: int
    size: int
    backend: str
    precision: str


@dataclass(frozen=True, slots=True)
class LayersPurpose:
    """Where one network's time and energy go.

    `subgraphs` are the files that hold one fused layer each, by the layer's index; `ceilings` the probes by the name
    of their network.
    """

    inference: Inference
    layer_map: LayerMap
    subgraphs: Mapping[str, int] = field(default_factory=dict)
    ceilings: Mapping[str, CeilingProbe] = field(default_factory=dict)
    command: Literal["layers"] = "layers"


@dataclass(frozen=True, slots=True)
class TrainingAxes:
    """Settings to combine, each with each. All ranks split a batch; with 0 `gpus` one process trains on the CPUs."""

    networks: tuple[str, ...] = ("resnet50",)
    batches: tuple[int, ...] = (64, 128, 256)
    gpus: tuple[int, ...] = (1,)
    precisions: tuple[str, ...] = ("fp32",)


@dataclass(frozen=True, slots=True)
class TrainingAim:
    """What a choice must keep: an accuracy below the best by no more than `accuracy_loss` (0.01 is one in a hundred
    images), and a training that takes no longer than `time_limit_s`. What uses the least energy then is chosen.
    """

    accuracy_loss: float = 0.01
    time_limit_s: float | None = None


@dataclass(frozen=True, slots=True)
class TrainingPurpose:
    """What the training of networks costs, setting by setting."""

    axes: TrainingAxes
    aim: TrainingAim
    command: Literal["training"] = "training"


Purpose = SweepPurpose | EfficiencyPurpose | LayersPurpose | TrainingPurpose
