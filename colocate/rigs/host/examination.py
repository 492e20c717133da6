"""What this machine offers a study, what is missing, and how to fix it."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Iterator
from dataclasses import dataclass

from colocate.errors import HostError
from colocate.host.clocks.find import Clocks, find_clocks
from colocate.host.cpus import cpuset
from colocate.host.cpus.quota import quota_groups, quota_of
from colocate.host.facts import read_facts
from colocate.host.restore import journal
from colocate.host.sysfs import Sysfs
from colocate.inference.backends import availability
from colocate.inference.backends.registry import BACKENDS, Runtime
from colocate.model.board import BoardState
from colocate.model.containment import KINDS
from colocate.model.machine import HostFacts, Missing
from colocate.power.find import find_meters
from colocate.power.refresh import refresh_period_s
from colocate.rigs.host.own_programs import caller
from colocate.rigs.host.trained import look_at_torch
from cpu_workloads.registry import fix as stressor_fix
from cpu_workloads.registry import names as stressor_names

_PAUSING = {
    "cgroup-v2": "cgroup-v2 freezer",
    "cgroup-v1": "cgroup-v1 freezer",
    "signals": "SIGSTOP and SIGCONT to each process",
}


# What to do about a board that is set otherwise than a measurement wants it, by the name of the fact.
_BOARD_FIXES = {
    "CPUs switched off": "sudo nvpmodel -m NUMBER, with a mode that has them all (nvpmodel -p --verbose lists them)",
    "clocks as found": "sudo jetson_clocks --restore, before clocks that are left native",
    "desktop": "sudo systemctl isolate multi-user.target",
    "zram": "sudo systemctl disable nvzramconfig, and start again",
}
_TORCH_FIX = "install a driver (nvidia-smi) and torch built with CUDA"
_GPU_FIX = "see that nvidia-smi, or tegrastats on a Jetson, shows the GPU"
_NO_FIX = "no fix is known"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a study can use, or that is missing or badly set; in that case `fix` says what to do."""

    area: str
    name: str
    state: str
    fix: str = ""


def examine(sysfs: Sysfs | None = None, *, gpu_bandwidth: bool = False) -> tuple[Finding, ...]:
    """Look at everything and change nothing for good. With `gpu_bandwidth`, also report the bandwidth of the GPU's
    memory.
    """
    sysfs = sysfs or Sysfs()
    confinement, clocks = cpuset.detect(), find_clocks(sysfs)
    meters = find_meters(sysfs.root)
    try:
        facts = read_facts(confinement, clocks, meters.rails, sysfs)
        return (
            *_machine(facts),
            *_board(facts.board),
            *_clocks(facts, clocks),
            *(
                Finding("power", ", ".join(meter.rails), f"{meter.kind.value}, {_period(refresh_period_s(meter))}")
                for meter in meters.meters
            ),
            *(Finding("power", sensor, missing.reason, missing.fix) for sensor, missing in meters.missing),
            *_backends(),
            *(_bandwidth() if gpu_bandwidth else ()),
            *_training(),
            *_tasks(),
            *_journal(sysfs),
        )
    finally:
        meters.close()


def _machine(facts: HostFacts) -> Iterator[Finding]:
    yield Finding("machine", "CPUs", f"{facts.cpu_words}, {facts.architecture}")
    yield Finding("machine", "kernel", facts.kernel)
    for gpu in facts.gpus:
        yield Finding("machine", "GPU", f"{gpu}, driver {facts.versions['nvidia driver']}")
    root, user = os.geteuid() == 0, caller()
    words = "root" if user is None else f"root; programs of a study run as {user.name}"
    yield Finding(
        "machine", "user", words if root else "not root", "" if root else "sudo: clocks and cpusets are root's"
    )
    missing = facts.cpusets_missing or Missing("")
    yield Finding("machine", "CPU separation", f"{facts.confinement} {missing.reason}".rstrip(), missing.fix)
    for group in quota_groups():
        allowed = f"{quota_of(group):.3g} CPUs of time on {group}"
        yield Finding("machine", "CPU quota", allowed, "docker run --cpus, or raise cpu.max of that cgroup")
    mixed = {facts.pausing, facts.confinement} == {"cgroup-v1", "cgroup-v2"}
    both = ": this machine has cgroup v1 and v2" if mixed else ""
    yield Finding("machine", "task pausing", f"{_PAUSING[facts.pausing]}{both}")
    yield _containment(facts)


def _board(board: BoardState | None) -> Iterator[Finding]:
    """Yield how a Jetson is set. A setting that makes measurements hard to compare comes with a fix."""
    if board is None:
        return
    unusual = {
        "CPUs switched off": bool(board.cpus_off), "clocks as found": bool(board.clocks_held),
        "desktop": board.desktop, "zram": bool(board.zram_bytes),
    }  # fmt: skip
    for name, words in board.words.items():
        yield Finding("board", name, words, _BOARD_FIXES[name] if unusual.get(name) else "")


def _containment(facts: HostFacts) -> Finding:
    """Return what can limit a task here, and why the rest cannot."""
    missing = facts.containment_missing
    can = ", ".join(kind for kind in KINDS if kind not in missing)
    reasons = "".join(f"; not {kind}: {each.reason}" for kind, each in missing.items())
    fixes = "; ".join(f"{kind}: {each.fix}" for kind, each in missing.items())
    return Finding("machine", "task containment", f"{can}{reasons}", fixes)


def _clocks(facts: HostFacts, clocks: Clocks) -> Iterator[Finding]:
    steps = {"cpu": facts.cpu_steps_hz, "gpu": facts.gpu_steps_hz, "emc": facts.emc_steps_hz}
    for name, steps_hz in steps.items():
        domain = clocks.domain(name)
        now_hz = None if domain is None else domain.read_hz()
        now = "" if now_hz is None else f"now {now_hz / 1e6:g} MHz; "
        if steps_hz:
            table = f"{len(steps_hz)} steps, {steps_hz[0] / 1e6:g} to {steps_hz[-1] / 1e6:g} MHz"
            yield Finding("clocks", name, f"{now}{table}{', set on request only' if _on_request(domain) else ''}")
        else:
            missing = facts.clocks_missing[name]
            yield Finding("clocks", name, now + missing.reason, missing.fix)


def _on_request(domain: object) -> bool:
    return bool(getattr(domain, "on_request", False))


def _period(period_s: float | None) -> str:
    return "refresh unknown" if period_s is None else f"refreshed every {1e3 * period_s:.3g} ms"


def _backends() -> Iterator[Finding]:
    found = availability.look()
    for name, runtime in BACKENDS.items():
        if (missing := found.missing.get(name)) is not None:
            yield Finding("inference", name, missing.reason, missing.fix or (_GPU_FIX if runtime.on_gpu else _NO_FIX))
        else:
            yield Finding("inference", name, _working(found, name, runtime))
    if (mix := availability.mixed_up()) is not None:
        yield Finding("inference", "onnxruntime", mix.reason, mix.fix)


def _working(found: availability.Availability, name: str, runtime: Runtime) -> str:
    """Return the runtime's version, its Python if that is not colocate's own, and how it calls a GPU."""
    facts, python = found.found.get(name, {}), found.interpreters.get(name)
    words = _version(runtime.package)
    if python is not None and python.reason:
        words = f"{facts.get('runtime', 'works')} under {python.path}: {python.reason}"
    return f"{words}; GPU calls: {facts['gpu_calls']}" if "gpu_calls" in facts else words


def _training() -> Iterator[Finding]:
    """Yield whether networks can be trained here at all, on a GPU, and on several."""
    found = look_at_torch()
    if isinstance(found, Missing):
        yield Finding("training", "torch", found.reason, found.fix or _NO_FIX)
        return
    yield Finding("training", "torch", f"{found['torch']} under {found['python']}")
    names = list(dict.fromkeys(found["gpus"]))
    if names:
        yield Finding("training", "GPUs", f"torch sees {len(found['gpus'])}: {', '.join(names)}")
    else:
        why = "torch is built without CUDA" if found["cuda"] is None else "torch sees none"
        yield Finding("training", "GPUs", why, f"{_TORCH_FIX}; or train on CPUs, --gpus 0")
    if found["nccl"] is None:
        yield Finding("training", "NCCL", "torch is built without it", f"{_TORCH_FIX}, to share a batch among GPUs")
    else:
        yield Finding("training", "NCCL", found["nccl"])


def _bandwidth() -> Iterator[Finding]:
    found = availability.look()
    if (missing := found.missing.get("bandwidth")) is not None:
        yield Finding("GPU memory", "copy bandwidth", f"not measured: {missing.reason}", missing.fix or _GPU_FIX)
    else:
        measured = found.found["bandwidth"]["bytes_per_s"]
        yield Finding("GPU memory", "copy bandwidth", f"{measured / 1e9:.4g} GB/s, bytes read plus bytes written")


def _version(package: str | None) -> str:
    """Return the version of each distribution that brings `package`; there may be several."""
    if package is None:
        return "built in"
    names = importlib.metadata.packages_distributions().get(package, [])
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in dict.fromkeys(names)) or "works"


def _tasks() -> Iterator[Finding]:
    for name in stressor_names():
        fix = stressor_fix(name)
        yield Finding("tasks", name, "cannot run" if fix else "ready", fix)


def _journal(sysfs: Sysfs) -> Iterator[Finding]:
    folder = journal.state_folder()
    try:
        left = journal.read(sysfs, folder)
    except HostError as error:
        fix = "run as root" if os.geteuid() else "reboot, or set the clocks by hand; then delete the journal"
        yield Finding("journal", str(folder), str(error), fix)
        return
    if left is None:
        yield Finding("journal", str(folder), "nothing to restore")
    else:
        yield Finding(
            "journal", str(folder), f"settings left changed: {len(left.knobs)}", "python -m colocate restore"
        )
