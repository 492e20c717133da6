"""What the machine is and allows: read once, stored with the run, and compared when the run is resumed."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
from pathlib import Path

import psutil

from colocate.errors import HostError
from colocate.host.board_state import read_board
from colocate.host.clocks.domain import Domain
from colocate.host.clocks.find import Clocks
from colocate.host.cpus.bounds import missing_bounds
from colocate.host.cpus.cpuset import Confinement
from colocate.host.cpus.quota import quota_groups, quota_of
from colocate.host.gpu_state import GpuState
from colocate.host.sysfs import Sysfs
from colocate.model.machine import HostFacts, Missing

# Packages whose version changes what is measured.
_PACKAGES = (
    "colocate", "numpy", "onnx", "onnxruntime", "onnxruntime-gpu", "Pillow", "pycuda", "tensorrt"
)  # fmt: skip

# What makes a clock settable for root, by its name.
_CLOCK_FIXES = {
    "cpu": "a cpufreq driver with a table of steps (bare metal; not intel_pstate in active mode)",
    "gpu": "a GPU with a devfreq node or NVML. Without one, studies run at the GPU's native clock",
    "emc": "a Tegra memory controller in debugfs (mount -t debugfs none /sys/kernel/debug)",
}


def read_facts(confinement: Confinement, clocks: Clocks, rails: tuple[str, ...], sysfs: Sysfs) -> HostFacts:
    """Return the facts of this machine, as far as this process may use it. `rails` are the power rails of its meters.
    The caller adds the runtimes.
    """
    gpus = GpuState()
    steps_hz: dict[str, tuple[int, ...]] = {}
    missing: dict[str, Missing] = {}
    who = "it takes" if os.geteuid() == 0 else "it takes root, and"
    for name, fix in _CLOCK_FIXES.items():
        steps_hz[name], reason = _settable_steps_hz(clocks.domain(name))
        if reason:
            missing[name] = Missing(reason, f"{who} {fix}")
    return HostFacts(
        rig="host",
        machine_id=_machine_id(),
        architecture=platform.machine(),
        cpu_model=_cpu_model(),
        cpus=tuple(sorted(os.sched_getaffinity(0))),
        last_level_cache_bytes=_last_level_cache_bytes(),
        memory_bytes=psutil.virtual_memory().total,
        kernel=platform.release(),
        confinement=confinement.name,
        pausing=confinement.pausing,
        cpusets_missing=confinement.missing,
        containment_missing=missing_bounds(confinement),
        cpu_steps_hz=steps_hz["cpu"],
        gpu_steps_hz=steps_hz["gpu"],
        emc_steps_hz=steps_hz["emc"],
        gpu_on_request=clocks.gpu is not None and clocks.gpu.on_request,
        clocks_missing=missing,
        rails=rails,
        gpus=gpus.names,
        board=read_board(sysfs, clocks),
        quota_cpus=min(filter(None, map(quota_of, quota_groups())), default=None),
        versions=_versions() | ({"nvidia driver": gpus.driver} if gpus.driver else {}),
    )


def _settable_steps_hz(domain: Domain | None) -> tuple[tuple[int, ...], str]:
    """Return the steps in Hz that this process can set, with an empty reason; or no steps, with the reason."""
    if domain is None:
        return (), "this machine shows no such clock"
    if not domain.steps_hz:
        return (), "its driver offers no table of steps"
    try:
        domain.capture()
    except HostError as error:
        return (), str(error)
    return domain.steps_hz, ""


def _machine_id() -> str:
    """Return a stable hash for this machine that does not reveal its real id, as machine-id(5) demands."""
    for path in (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id")):
        if path.is_file() and (text := path.read_text().strip()):
            break
    else:
        text = platform.node()
    return hashlib.sha256(f"colocate:{text}".encode()).hexdigest()[:12]


def _cpu_model() -> str:
    """Return the board's name from the device tree if there is one, else the name of the CPU."""
    board = Path("/proc/device-tree/model")
    if board.is_file():
        return board.read_text().rstrip("\0\n")
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine()


def _last_level_cache_bytes() -> int | None:
    """Return the size of the cache with the highest level, in bytes; None if the kernel does not show it."""
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    sizes = {}
    for file in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        size = file.read_text().strip()
        sizes[int(file.with_name("level").read_text())] = int(size[:-1]) * units[size[-1]]
    return sizes[max(sizes)] if sizes else None


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
