"""What was asked for: networks and how they run, tasks, clocks, placements, and the study of them all."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from colocate.model.command import PLAIN, SERVICE, Command
from colocate.model.containment import Containment
from colocate.model.device import USUAL, Workers
from colocate.model.limits import Limits

# Bytes of one element.
WIDTH_BYTES = {"fp32": 4, "fp16": 2}
PRECISIONS = tuple(WIDTH_BYTES)
TRAINING_PRECISIONS = ("fp32", "tf32", "bf16")
WAITS = ("spin", "block")
# Of tasks: on other CPUs than the network, or on the network's too.
ISOLATED, SHARED = PLACEMENTS = ("isolated", "shared")
LATENCY_UNITS = ("ms", "us", "s")
# The axes of a clock point, each with the name that people read.
CLOCK_AXES = {"cpu": "CPU", "gpu": "GPU", "emc": "memory"}


@dataclass(frozen=True, slots=True)
class ClockPoint:
    """The clocks of CPU, GPU and memory in Hz; None leaves that clock to its governor."""

    cpu_hz: int | None = None
    gpu_hz: int | None = None
    emc_hz: int | None = None

    @property
    def by_axis(self) -> dict[str, int | None]:
        """Its clocks, each by its name in `CLOCK_AXES`."""
        return dict(zip(CLOCK_AXES, (self.cpu_hz, self.gpu_hz, self.emc_hz), strict=True))


@dataclass(frozen=True, slots=True)
class Placement:
    """Which logical CPUs serve whom. `name` is one of `PLACEMENTS`."""

    name: str
    inference_cpus: tuple[int, ...]
    task_cpus: tuple[int, ...]
    housekeeping_cpus: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class InputChoice:
    """What a study says of one input of a network; what it leaves open is guessed (`inference.onnx.feeding`).

    In `shape` None stands for the batch. `value` is the path of an array (.npy), or the number to fill with.
    """

    name: str
    shape: tuple[int | None, ...] | None = None
    value: str | float | None = None


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A program of the user's own as the network. It runs `argv` in its folder `directory`, or where colocate does.

    For each inference it prints a line that matches the regular expression `latency`, whose one group is the latency
    in `latency_unit` (one of `LATENCY_UNITS`). Without a `latency` it writes records instead (`colocate.marks`). Its
    first inference comes within `ready_s` after its start.
    """

    argv: tuple[str, ...]
    latency: str | None = None
    latency_unit: str = "ms"
    environment: tuple[tuple[str, str], ...] = ()
    directory: str | None = None
    ready_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Training:
    """A network that is trained rather than run: what is measured as its inference is one step.

    `ranks` processes share each batch, one per GPU, or with `on_gpu` false all on the CPUs of the network. `data` is
    `synthetic`, `digits`, or the path of a folder of images. Before its first window a network is trained for
    `epochs` from a seed of its own in each repeat, and its accuracy is found; of synthetic data there is none.
    """

    ranks: int = 1
    on_gpu: bool = True
    data: str = "synthetic"
    epochs: int = 20
    learning_rate: float = 0.01

    @property
    def backend(self) -> str:
        """What trains, in a word: `torch-2gpu`."""
        return f"torch-{self.ranks}{'gpu' if self.on_gpu else 'cpu'}"


@dataclass(frozen=True, slots=True)
class Inference:
    """A network and how it is run. `network` is a built-in name, the path of an .onnx file or of an engine, or with a
    `pipeline` the user's name for it: then `backend` is `pipeline`, `precision` is empty, and the rest, which the
    program decides as well, says nothing. Of an engine `precision` is empty too: only TensorRT knows what is in it.
    With a `training` it is the name of a network to train, `batch` is shared by all ranks, and `precision` is one of
    `TRAINING_PRECISIONS`.

    `batch` is what runs: that of the file where it fixes one. `inputs` are those that the study chose.

    With `graph` its kernels are captured once and launched as one CUDA graph. `wait` is how the launching thread
    waits for the GPU: `spin` (it polls, which is quickest and keeps its CPU busy) or `block` (it sleeps).
    With `period_s` an inference is due at each multiple of it, as the frames of a camera are, and must be done before
    the next is due; without, one follows the other.
    """

    network: str
    backend: str = "auto"
    precision: str = "fp32"
    batch: int = 1
    graph: bool = False
    wait: str = "spin"
    period_s: float | None = None
    inputs: tuple[InputChoice, ...] = ()
    pipeline: Pipeline | None = None
    training: Training | None = None

    @property
    def by_runtime(self) -> bool:
        """Whether a runtime of colocate's infers: neither a program of the user's own does, nor is it trained."""
        return self.pipeline is None and self.training is None

    @property
    def file_label(self) -> str:
        """Which file it loads and is fed: one network has a file per batch, precision and choice of inputs."""
        fed = "".join(f", {choice.name} {choice.shape} {choice.value}" for choice in self.inputs)
        # An engine's is not known.
        precision = self.precision and f", {self.precision}"
        return f"{self.network}, batch {self.batch}{precision}{fed}"

    @property
    def present(self) -> dict[str, Any]:
        """The fields less those that are absent. Ids of trials and the noise of a model follow from them: a field
        that comes later leaves those without it as they were.
        """
        return {name: value for name, value in dataclasses.asdict(self).items() if value not in (None, ())}

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON reads them back."""
        fields: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return fields

    @property
    def ways(self) -> tuple[int | str | float, ...]:
        """How it is run, for the order of rows: by runtime, precision, batch and the rest."""
        period_s = self.period_s or 0
        return self.backend, self.precision, self.batch, self.graph, self.wait, period_s, repr(self.inputs)


@dataclass(frozen=True, slots=True)
class Task:
    """A background task: a built-in of `cpu_workloads`, with `argv` a program of the user's own, which is run as
    `command` says, or with `inference` a second network. With `parts` it is a mix: these tasks run at once, each in
    its own `containment`.

    Without `pause` it must not be paused: a watchdog inside it would bark, or a connection time out. In each
    `containment` that a study names it is a task of its own, under the same name; of a mix it is that of the parts
    that have none of their own.
    """

    name: str
    argv: tuple[str, ...] = ()
    pause: bool = True
    containment: Containment | None = None
    command: Command = PLAIN
    inference: Inference | None = None
    parts: tuple[Task, ...] = ()

    @property
    def members(self) -> tuple[Task, ...]:
        """The tasks that run at once: the parts of a mix, else the task itself."""
        return self.parts or (self,)

    @property
    def keeps_running(self) -> bool:
        """Whether it is there between its windows, and so paused. A service that must not be paused ends with its
        window, as it would disturb the others.
        """
        return self.command.run == SERVICE and self.pause


@dataclass(frozen=True, slots=True)
class SweepSpec:
    """What the user asked for, complete and valid in itself; the machine is not known yet.

    `cpu_clocks`, `gpu_clocks` and `emc_clocks` (the memory's) hold steps in Hz, or the words `low`, `mid`, `high`, or
    `native` alone; None asks for the default of the machine. A block waits, within bounds, until the machine is no
    hotter than `max_start_temp_c`.
    `model` sets constants of a rig that is a model, by their names, in order.

    `own_windows_s` are lengths of the windows of single networks, by name; of all others it is `window_s`.

    An `alternating` study pauses and resumes each task inside its windows, which then hold both conditions; see
    `docs/statistics.md`. `segment_s` is how long a segment lasts, None where each window chooses it.

    `limits` are those that the study was made for. `until_decided` it goes on until its cells are decided under them:
    for `repeats` repeats at the most, and where there is a `budget_s` for no longer than that.
    """

    inferences: tuple[Inference, ...]
    tasks: tuple[Task, ...]
    rig: str = "host"
    cpu_clocks: tuple[int | str, ...] | None = None
    gpu_clocks: tuple[int | str, ...] | None = None
    emc_clocks: tuple[int | str, ...] | None = None
    placements: tuple[str, ...] = (ISOLATED,)
    inference_cpus: tuple[int, ...] | None = None
    repeats: int = 5
    warmup_s: float = 0.3
    settle_s: float = 0.2
    window_s: float = 2.0
    own_windows_s: tuple[tuple[str, float], ...] = ()
    max_start_temp_c: float | None = None
    seed: int = 0
    model: tuple[tuple[str, float], ...] = ()
    limits: Limits | None = None
    until_decided: bool = False
    budget_s: float | None = None
    alternating: bool = False
    segment_s: float | None = None
    workers: Workers = USUAL

    @property
    def clocks_by_axis(self) -> dict[str, tuple[int | str, ...] | None]:
        """What is asked for of each of `CLOCK_AXES`."""
        return dict(zip(CLOCK_AXES, (self.cpu_clocks, self.gpu_clocks, self.emc_clocks), strict=True))

    @property
    def steady_throughout(self) -> bool:
        """Whether every repeat has steady windows: power is known from no others, so a budget for it needs them."""
        return not self.alternating or (self.limits is not None and self.limits.power_budget_w is not None)
