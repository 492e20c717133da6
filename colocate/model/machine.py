"""What a machine is, what it allows, and what it is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from colocate.model.board import BoardState
from colocate.model.request import CLOCK_AXES


@dataclass(frozen=True, slots=True)
class Missing:
    """Why something cannot be used on this machine, and what to do about it. `fix` is empty if no fix is known."""

    reason: str
    fix: str = ""

    @property
    def words(self) -> str:
        """The reason and the fix on one line."""
        return "; ".join(filter(None, (self.reason, self.fix)))


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What the machine is and allows. The facts are stored with the run as JSON, so a study can also be planned
    elsewhere.

    They hold only what stays the same while a study runs. Two runs with equal facts ran on the same machine. The
    steps of a clock are empty if it cannot be set; `clocks_missing` then says why, by `cpu`, `gpu` or `emc`. If
    `gpu_on_request` (workstation and server GPUs), the GPU clock is set only when the study asks for steps.
    `backends` are the runtimes that run a network's file here, best first, and `probes` those that make their own
    networks. `backends_missing` says why each other runtime does not work, by name. `cpusets_missing` says why there
    are no cpusets; CPUs are then separated by affinity alone. `containment_missing` says why a containment cannot be
    used, by its name in `containment.KINDS`.

    `pausing` is how tasks are paused: `cgroup-v2` or `cgroup-v1` (their freezers), or `signals` (SIGSTOP to each
    process). It is empty in runs older than pausing. In `virtual_time` a model computes the windows, and nobody waits
    for them. `quota_cpus` is the CPU time that a quota around this process allows, in CPUs; None without a quota.
    `board` is how a Jetson was set at the start; None for other machines, and in runs that did not read it.
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
    # Not compared: a virtual machine's memory grows with use, and reasons do not identify a machine.
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
    # Not compared: this limits the container of the study, not the machine.
    quota_cpus: float | None = field(default=None, compare=False)
    board: BoardState | None = None

    @property
    def cpu_words(self) -> str:
        """The CPUs in words: `4 CPUs, ARM Cortex-A57`."""
        return f"{len(self.cpus)} CPU{'' if len(self.cpus) == 1 else 's'}, {self.cpu_model}"

    @property
    def steps_by_axis(self) -> dict[str, tuple[int, ...]]:
        """The steps in Hz of each clock in `request.CLOCK_AXES`, rising; empty if the clock cannot be set."""
        return dict(zip(CLOCK_AXES, (self.cpu_steps_hz, self.gpu_steps_hz, self.emc_steps_hz), strict=True))
