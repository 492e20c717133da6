"""What a user asks for: networks and how they run, tasks, clocks, placements, and the study that combines them."""

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
# Tasks use other CPUs than the network (isolated), or the network's CPUs too (shared).
ISOLATED, SHARED = PLACEMENTS = ("isolated", "shared")
LATENCY_UNITS = ("ms", "us", "s")
# The axes of a clock point, each with the name that is shown.
CLOCK_AXES = {"cpu": "CPU", "gpu": "GPU", "emc": "memory"}


@dataclass(frozen=True, slots=True)
class ClockPoint:
    """The clocks of CPU, GPU and memory (EMC) in Hz. None leaves a clock to its governor."""

    cpu_hz: int | None = None
    gpu_hz: int | None = None
    emc_hz: int | None = None

    @property
    def by_axis(self) -> dict[str, int | None]:
        """The clocks by their keys in `CLOCK_AXES`."""
        return dict(zip(CLOCK_AXES, (self.cpu_hz, self.gpu_hz, self.emc_hz), strict=True))


@dataclass(frozen=True, slots=True)
class Placement:
    """Which logical CPUs the network, the tasks and colocate itself (housekeeping) use. `name` is one of
    `PLACEMENTS`.
    """

    name: str
    inference_cpus: tuple[int, ...]
    task_cpus: tuple[int, ...]
    housekeeping_cpus: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class InputChoice:
    """What a study says about one input of a network. What it does not say is guessed (`inference.onnx.feeding`).

    In `shape`, None stands for the batch size. `value` is the path of an array (.npy), or a number that fills the
    input.
    """

    name: str
    shape: tuple[int | None, ...] | None = None
    value: str | float | None = None


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A user's own program that runs a network. The program starts as `argv` in `directory` (None: colocate's own).

    For each inference the program prints a line that matches the regular expression `latency`. The expression's one
    group is the latency in `latency_unit`, one of `LATENCY_UNITS`. If `latency` is None, the program reports
    inferences through `colocate.marks`. The first inference must come within `ready_s` after the start.
    """

    argv: tuple[str, ...]
    latency: str | None = None
    latency_unit: str = "ms"
    environment: tuple[tuple[str, str], ...] = ()
    directory: str | None = None
    ready_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Training:
    """How a network is trained, for a run that measures training. One training step is measured as one inference.

    `ranks` processes share each batch: one per GPU, or all on the network's CPUs if `on_gpu` is false. `data` is
    `synthetic`, `digits`, or the path of a folder of images. Before its first window in each repeat, the network is
    trained for `epochs` from the repeat's own seed, and its accuracy is measured. Synthetic data gives no accuracy.
    """

    ranks: int = 1
    on_gpu: bool = True
    data: str = "synthetic"
    epochs: int = 20
    learning_rate: float = 0.01

    @property
    def backend(self) -> str:
        """The name of this way to train, such as `torch-2gpu` or `torch-1cpu`."""
        return f"torch-{self.ranks}{'gpu' if self.on_gpu else 'cpu'}"


@dataclass(frozen=True, slots=True)
class Inference:
    """A network and how it is run.

    `network` is a built-in name, the path of an .onnx file or the path of a TensorRT engine. An engine has an empty
    `precision`, because only TensorRT can read it. With a `pipeline`, `network` is the user's name for the program,
    `backend` is `pipeline`, and `precision` is empty; the program decides the other settings, so the fields here mean
    nothing. With a `training`, `network` is the network to train, all ranks share `batch`, and `precision` is one of
    `TRAINING_PRECISIONS`.

    `batch` is the batch size that runs; a file may fix it. `inputs` are the inputs that the study describes. With
    `graph` the network's kernels are captured once and launched as one CUDA graph. `wait` is how the launching thread
    waits for the GPU: `spin` polls, which is fastest and keeps its CPU busy, and `block` sleeps. With `period_s` an
    inference is due at each multiple of that time, like the frames of a camera, and must end before the next is due.
    Without it, each inference starts when the one before ends.
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
        """Whether one of colocate's runtimes runs the network; false for a pipeline and for a training."""
        return self.pipeline is None and self.training is None

    @property
    def file_label(self) -> str:
        """A label of the file that is loaded and of what it is fed. A network has one file per batch, precision and
        choice of inputs.
        """
        fed = "".join(f", {choice.name} {choice.shape} {choice.value}" for choice in self.inputs)
        # The precision of an engine is not known.
        precision = self.precision and f", {self.precision}"
        return f"{self.network}, batch {self.batch}{precision}{fed}"

    @property
    def present(self) -> dict[str, Any]:
        """The fields that are set. Ids of trials and the noise of a model are hashes of them, so a new field of this
        class changes no existing ones.
        """
        return {name: value for name, value in dataclasses.asdict(self).items() if value not in (None, ())}

    def to_json(self) -> dict[str, Any]:
        """Return the fields as they are after a passage through JSON text: tuples are lists."""
        fields: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return fields

    @property
    def ways(self) -> tuple[int | str | float, ...]:
        """A key that sorts rows of one network by runtime, precision, batch and the other settings."""
        period_s = self.period_s or 0
        return self.backend, self.precision, self.batch, self.graph, self.wait, period_s, repr(self.inputs)


@dataclass(frozen=True, slots=True)
class Task:
    """A background task: a built-in stressor of `cpu_workloads`, with `argv` a user's program that runs as `command`
    says, with `inference` a second network, or with `parts` a mix of tasks that run at the same time.

    `pause` is false if the task must not be paused, for example because a watchdog would fire or a connection time
    out. A study measures a task once in each `containment`, as separate tasks with the same name. Parts of a mix may
    have containments of their own; the mix's applies to the others.
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
        """The tasks that run at the same time: the parts of a mix, otherwise the task alone."""
        return self.parts or (self,)

    @property
    def keeps_running(self) -> bool:
        """Whether the task is kept between its windows, and paused there. A service that must not be paused ends with
        its window, because it would disturb the others.
        """
        return self.command.run == SERVICE and self.pause


@dataclass(frozen=True, slots=True)
class SweepSpec:
    """A complete and valid request for a study; the machine is not known yet.

    `cpu_clocks`, `gpu_clocks` and `emc_clocks` (memory) hold steps in Hz and the words `low`, `mid` and `high`, or
    `native` alone. None selects the machine's default. A block waits, for a limited time, until the machine is at
    most `max_start_temp_c` warm. `model` holds constants, by name, for a rig that is a model. `own_windows_s` holds
    window lengths of single networks, by name; all others use `window_s`.

    An `alternating` study pauses and resumes each task inside its windows, so that each window holds both conditions
    (`docs/statistics.md`). `segment_s` is the length of a segment; None lets each window choose it.

    `limits` are those of the study. With `until_decided` the study runs until its cells are decided under these
    limits, for at most `repeats` repeats and at most `budget_s` (None: no time limit).
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
        """The requested clocks, by their keys in `CLOCK_AXES`."""
        return dict(zip(CLOCK_AXES, (self.cpu_clocks, self.gpu_clocks, self.emc_clocks), strict=True))

    @property
    def steady_throughout(self) -> bool:
        """Whether every repeat has steady windows. Only these measure power, so a power budget needs them."""
        return not self.alternating or (self.limits is not None and self.limits.power_budget_w is not None)
