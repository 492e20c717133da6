"""What the machine is: read once, stored with the run, compared on resume."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
from pathlib import Path

import psutil

from colocate.errors import HostError
from colocate.host.clocks import Clocks
from colocate.host.cpuset import Confinement
from colocate.host.domains import Domain
from colocate.host.gpu_state import GpuState
from colocate.study.model import HostFacts

# Packages whose version changes what is measured.
_PACKAGES = (
    "colocate", "numpy", "onnx", "onnxruntime", "onnxruntime-gpu", "Pillow", "pycuda", "tensorrt"
)  # fmt: skip


def read_facts(confinement: Confinement, clocks: Clocks, rails: tuple[str, ...]) -> HostFacts:
    """The facts of this machine as far as this process may use it, with its meters' rails; its runtimes are
    for the caller to add.
    """
    gpus = GpuState()
    steps_hz, notes = {}, []
    for name in ("cpu", "gpu", "emc"):
        steps_hz[name], note = _settable_steps_hz(clocks.domain(name), name)
        if note:
            notes.append(note)
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
        confinement_note=confinement.note,
        cpu_steps_hz=steps_hz["cpu"],
        gpu_steps_hz=steps_hz["gpu"],
        emc_steps_hz=steps_hz["emc"],
        gpu_on_request=clocks.gpu is not None and clocks.gpu.on_request,
        clock_notes=tuple(notes),
        rails=rails,
        gpus=gpus.names,
        versions=_versions() | ({"nvidia driver": gpus.driver} if gpus.driver else {}),
    )


def _settable_steps_hz(domain: Domain | None, name: str) -> tuple[tuple[int, ...], str]:
    """The steps this process can set, or none and the reason."""
    if domain is None:
        return (), f"{name}: this machine shows no such clock"
    if not domain.steps_hz:
        return (), f"{name}: its driver offers no table of steps"
    try:
        domain.capture()
    except HostError as error:
        return (), f"{name}: {error}"
    return domain.steps_hz, ""


def _machine_id() -> str:
    """A stable name for this machine that does not give its real one away (see machine-id(5))."""
    for path in (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id")):
        if path.is_file() and (text := path.read_text().strip()):
            break
    else:
        text = platform.node()
    return hashlib.sha256(f"colocate:{text}".encode()).hexdigest()[:12]


def _cpu_model() -> str:
    """The device tree's name of the board where there is one, else the CPU's own."""
    board = Path("/proc/device-tree/model")
    if board.is_file():
        return board.read_text().rstrip("\0\n")
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine()


def _last_level_cache_bytes() -> int | None:
    """Size of the cache with the highest level, or None where the kernel does not tell."""
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
