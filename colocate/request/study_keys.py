"""The keys that a user may write in a study file, in the user's units (MHz, seconds); `spec.py` reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import ConfigDict, Field

from colocate.model.containment import NONE
from colocate.request.lengths import ENTRIES_MAX
from colocate.request.programs import CommandKeys, PipelineKeys

_DAY_S = 86400
# The ranges of all numbers here are those that a run can be read with (`store.ranges`).
_Seconds = Annotated[float, Field(ge=1e-6, le=_DAY_S, allow_inf_nan=False, strict=True)]
_Pause = Annotated[float, Field(ge=0, le=_DAY_S, allow_inf_nan=False, strict=True)]
# Beyond every study and every device, and short of what would fill this machine's memory with a plan.
Count = Annotated[int, Field(ge=1, le=10_000, strict=True)]
# At the most 10 s: a worker that waits for its next frame learns only then that a window is over.
_Period = Annotated[float, Field(ge=1e-3, le=10_000, allow_inf_nan=False, strict=True)]
_Number = Annotated[float, Field(ge=-1e30, le=1e30, allow_inf_nan=False, strict=True)]
_Switch = Annotated[bool, Field(strict=True)]
# Beyond every chip.
MHZ_MAX = 1e6
_Clock = Annotated[float, Field(ge=1e-6, le=MHZ_MAX, allow_inf_nan=False, strict=True)] | str


@dataclass(frozen=True, slots=True)
class TrainingKeys:
    """How a network is trained: on `gpus` GPUs, or if `ranks` is given in that many processes on the CPUs."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    gpus: Annotated[int, Field(ge=0, le=1024, strict=True)] = 1
    ranks: Annotated[int, Field(ge=1, le=1024, strict=True)] | None = None
    data: str = "synthetic"
    epochs: Annotated[int, Field(ge=0, le=10_000, strict=True)] = 20
    learning_rate: Annotated[float, Field(gt=0, le=1e3, allow_inf_nan=False, strict=True)] = 0.01


@dataclass(frozen=True, slots=True)
class NetworkKeys:
    """One network with settings of its own. Settings that it leaves out come from the study."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    network: str
    backend: str | None = None
    precision: str | None = None
    batch: Count | None = None
    graph: _Switch | None = None
    wait: str | None = None
    period_ms: _Period | None = None
    window: _Seconds | None = None
    shapes: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str | _Number] = field(default_factory=dict)
    training: TrainingKeys | None = None


@dataclass(frozen=True, slots=True)
class StudyKeys:
    """Every key of a study file, with its default. Clocks are in MHz, times in seconds unless the key says ms."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    networks: tuple[str | NetworkKeys, ...] = ("alexnet", "googlenet", "resnet152")
    pipelines: Mapping[str, str | PipelineKeys] = field(default_factory=dict)
    stressors: tuple[str, ...] = ("bitcount", "jpeg", "stringsearch")
    commands: Mapping[str, str | CommandKeys] = field(default_factory=dict)
    mixes: Mapping[str, str | tuple[str, ...] | Mapping[str, str]] = field(default_factory=dict)
    containment: tuple[str, ...] = (NONE,)
    rig: str = "host"
    worker_python: str | None = None
    device: str | None = None
    cpu_clocks: tuple[_Clock, ...] | None = None
    gpu_clocks: tuple[_Clock, ...] | None = None
    emc_clocks: tuple[_Clock, ...] | None = None
    backend: str = "auto"
    precision: str = "fp32"
    batch: Count | None = None
    shapes: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str | _Number] = field(default_factory=dict)
    graph: _Switch = False
    wait: str | None = None
    period_ms: _Period | None = None
    placement: tuple[str, ...] = ("isolated",)
    inference_cpus: tuple[Annotated[int, Field(ge=0, lt=ENTRIES_MAX, strict=True)], ...] | None = None
    repeats: Count | None = None
    warmup: _Pause = 0.3
    settle: _Pause = 0.2
    window: _Seconds = 2.0
    design: str | None = None
    segment_ms: _Period | None = None
    max_start_temp: Annotated[float, Field(gt=0, lt=150, allow_inf_nan=False, strict=True)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63, strict=True)] = 0
    model: Mapping[str, _Number] = field(default_factory=dict)
    slo_ms: _Number | None = None
    max_slowdown: _Number | None = None
    percentile: str | _Number | None = None
    power_budget_w: _Number | None = None
    max_work_loss: _Number | None = None
    confidence: _Number | None = None
    until: str | None = None
    budget: str | _Seconds | None = None
