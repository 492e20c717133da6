"""What a machine is and allows, and what it is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from colocate.model.board import BoardState
from colocate.model.request import CLOCK_AXES


@dataclass(frozen=True, slots=True)
class Missing:
    """Why something cannot be used here, and what to do about it; `fix` is empty where nothing is known to help."""

    reason: str
    fix: str = ""

    @property
    def words(self) -> str:
        """Reason and fix on one line."""
        return "; ".join(filter(None, (self.reason, self.fix)))


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What the machine is and allows. JSON, so that a plan can be made offline and is stored with the run.

    Only what stays the same while a study runs: two runs with equal facts ran on the same machine.
    The steps of a clock are empty where it cannot be set, and `clocks_missing` has why, by `cpu`, `gpu` or `emc`.
    Clocks that are `gpu_on_request` (of a workstation or server GPU) are set only when steps are asked for by name.
    `backends` can run a network's file here, best first, and `probes` make a network of their own;
    `backends_missing` has by name why each of the others does not work. `cpusets_missing` is set where CPUs are set
    apart by affinity alone. `containment_missing` has why a task cannot be bounded in a way, by `containment.KINDS`.
    `pausing` is how tasks are paused: `cgroup-v2`, `cgroup-v1` (their freezers), or
    `signals` (SIGSTOP to each process); empty in runs made before tasks were. In `virtual_time` nobody waits for a
    window. `quota_cpus` is how many CPUs' time a quota around this process allows; None without one. `board` is how a
    Jetson was set when it was found; None for any other machine, and in runs made before it was read.
    """

    rig: str
    machine_id: str
    architecture: str
    cpu_model: str
    cpus: tuple[int, ...]
    last_level_cache_bytes: int | None
    kernel: str
    confinement: str
    virtual_time: bool = False
    pausing: str = ""
    # Virtual machines grow theirs as it is used; and a reason explains, it does not identify.
    memory_bytes: int = field(default=0, compare=False)
    confinement_note: str = field(default="", compare=False)
    cpusets_missing: Missing | None = field(default=None, compare=False)
    containment_missing: Mapping[str, Missing] = field(default_factory=dict, compare=False)
    cpu_steps_hz: tuple[int, ...] = ()
    gpu_steps_hz: tuple[int, ...] = ()
    emc_steps_hz: tuple[int, ...] = ()
    gpu_on_request: bool = False
    clocks_missing: Mapping[str, Missing] = field(default_factory=dict, compare=False)
    rails: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()
    probes: tuple[str, ...] = ()
    backends_missing: Mapping[str, Missing] = field(default_factory=dict, compare=False)
    gpus: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    # A limit of the container that a study runs in, not of its machine.
    quota_cpus: float | None = field(default=None, compare=False)
    board: BoardState | None = None

    @property
    def cpu_words(self) -> str:
        """`4 CPUs, ARM Cortex-A57`."""
        return f"{len(self.cpus)} CPU{'' if len(self.cpus) == 1 else 's'}, {self.cpu_model}"

    @property
    def steps_by_axis(self) -> dict[str, tuple[int, ...]]:
        """The steps of each of `request.CLOCK_AXES` that can be set, rising."""
        return dict(zip(CLOCK_AXES, (self.cpu_steps_hz, self.gpu_steps_hz, self.emc_steps_hz), strict=True))
