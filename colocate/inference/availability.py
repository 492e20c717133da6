"""Which runtimes work on this machine, and what each of the others lacks.

What needs a GPU is tried in a process of its own: see `probe`.
"""

from __future__ import annotations

import functools
import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colocate.inference import BACKENDS, Runtime, packages

# CUDA loads hundreds of megabytes of libraries; a Jetson reads them from an SD card.
PROBE_TIMEOUT_S = 120.0
# Two packages of one import name, whose files overwrite each other.
_RIVALS = ("onnxruntime", "onnxruntime-gpu")


@dataclass(frozen=True, slots=True)
class Lack:
    """Why a runtime cannot be used here, and what mends it."""

    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Availability:
    """`runtimes` work here and run files, best first; `probes` work and make their own network. By name, `lacks`
    tell of the others, and `found` what each that was tried on the GPU told of it.
    """

    runtimes: tuple[str, ...]
    probes: tuple[str, ...]
    lacks: Mapping[str, Lack]
    found: Mapping[str, Mapping[str, Any]]

    def notes(self) -> tuple[str, ...]:
        """Each lack as one line."""
        return tuple(f"{name}: {lack.reason}" for name, lack in self.lacks.items())


@functools.cache
def look() -> Availability:
    """Try every runtime; once in a process.

    Those on a GPU one after the other: a GPU in exclusive mode takes one process, and a small board's memory few.
    """
    lacks = {}
    found = {}
    for name, runtime in BACKENDS.items():
        if (lack := _without_package(name, runtime)) is not None:
            lacks[name] = lack
        elif runtime.on_gpu:
            verdict = _verdict(name)
            if isinstance(verdict, Lack):
                lacks[name] = verdict
            else:
                found[name] = verdict
    working = [name for name in BACKENDS if name not in lacks]
    return Availability(
        runtimes=tuple(name for name in working if BACKENDS[name].own_networks is None),
        probes=tuple(name for name in working if BACKENDS[name].own_networks is not None),
        lacks=lacks,
        found=found,
    )


def mixed_up() -> Lack | None:
    """The two packages of ONNX Runtime in one folder: which one answers is chance."""
    homes = {}
    for name in _RIVALS:
        try:
            homes[name] = Path(str(importlib.metadata.distribution(name).locate_file(""))).resolve()
        except importlib.metadata.PackageNotFoundError:
            return None
    if len(set(homes.values())) > 1:
        return None
    return Lack(
        "onnxruntime and onnxruntime-gpu are both installed and have overwritten each other's files",
        f"{BACKENDS['onnxruntime-cuda'].remedy} (or onnxruntime without a GPU)",
    )


def _without_package(name: str, runtime: Runtime) -> Lack | None:
    """What can be known without a process: the package is not there, or not the build that has this provider."""
    if runtime.package is None:
        return None
    spec = packages.find(runtime.package)
    if spec is None or spec.origin is None:
        return Lack(packages.lack(runtime.package), runtime.remedy)
    provider = Path(spec.origin).parent / "capi" / "libonnxruntime_providers_cuda.so"
    if name == "onnxruntime-cuda" and not provider.exists():
        return mixed_up() or Lack("the onnxruntime that is installed is the build for CPUs", runtime.remedy)
    return None


def _verdict(name: str) -> Lack | Mapping[str, Any]:
    """Why the runtime, which is tried now, does not work, or what it found."""
    command = [sys.executable, "-m", "colocate.inference.probe", name]
    try:
        child = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PROBE_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return Lack(f"it did not answer within {PROBE_TIMEOUT_S:g} s", "look for a hanging driver: dmesg, nvidia-smi")
    if child.returncode == 0:
        told: Mapping[str, Any] = json.loads(child.stdout)
        return told
    lines = child.stderr.strip().splitlines()
    reason = lines[-1] if lines else f"it ended with status {child.returncode} and no word"
    return Lack(reason, "see the message")
