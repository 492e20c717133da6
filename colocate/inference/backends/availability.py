"""Which runtimes work on this machine, and what each of the others is missing.

A runtime that needs a GPU is tried in a process of its own: see `worker.probe`.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from colocate.inference.backends.interpreter import Interpreter, interpreter
from colocate.inference.backends.registry import BACKENDS, Runtime, worker_request
from colocate.model.device import CPU, DLA_PRECISION, USUAL, Workers, is_dla
from colocate.model.machine import Missing
from colocate.model.request import Inference
from colocate.worker.request import NetworkFile

# CUDA loads hundreds of megabytes of libraries; a Jetson reads them from an SD card.
PROBE_TIMEOUT_S = 120.0
# Two packages of one import name, whose files overwrite each other.
_RIVALS = ("onnxruntime", "onnxruntime-gpu")


@dataclass(frozen=True, slots=True)
class Availability:
    """The runtimes that work on this machine, best first: `runtimes` run files, and `probes` make their own networks.

    By name, `missing` says why each other runtime does not work, `found` what each tried runtime reported, and
    `interpreters` under which Python each runs.
    """

    runtimes: tuple[str, ...]
    probes: tuple[str, ...]
    missing: Mapping[str, Missing]
    found: Mapping[str, Mapping[str, Any]]
    interpreters: Mapping[str, Interpreter] = field(default_factory=dict)


@functools.cache
def look(workers: Workers = USUAL) -> Availability:
    """Return which runtimes work with the Python and device of `workers`. The answer is cached for this process.

    Runtimes are tried one after the other: a GPU in exclusive mode accepts one process, and a small board has memory
    for few. A CPU runtime under colocate's own Python is not tried, because it was installed with colocate. Raises
    HostError if the chosen Python cannot run a worker.
    """
    missing = {}
    found = {}
    interpreters = {}
    for name, runtime in BACKENDS.items():
        if elsewhere := _elsewhere(runtime, workers.device):
            missing[name] = elsewhere
            continue
        python = interpreter(name, workers.python)
        if isinstance(python, Missing):
            missing[name] = (mixed_up() if runtime.holds else None) or python
            continue
        interpreters[name] = python
        if runtime.on_gpu or (python.reason and runtime.package):
            verdict = _verdict(name, python, workers.device)
            if isinstance(verdict, Missing):
                missing[name] = verdict
            else:
                found[name] = verdict
    working = [name for name in BACKENDS if name not in missing]
    return Availability(
        runtimes=tuple(name for name in working if BACKENDS[name].own_networks is None),
        probes=tuple(name for name in working if BACKENDS[name].own_networks is not None),
        missing=missing,
        found=found,
        interpreters={name: python for name, python in interpreters.items() if name in working},
    )


def mixed_up() -> Missing | None:
    """Return what to do if both packages of ONNX Runtime are in one folder and overwrite each other's files;
    otherwise None.
    """
    homes = {}
    for name in _RIVALS:
        try:
            homes[name] = Path(str(importlib.metadata.distribution(name).locate_file(""))).resolve()
        except importlib.metadata.PackageNotFoundError:
            return None
    if len(set(homes.values())) > 1:
        return None
    return Missing(
        "onnxruntime and onnxruntime-gpu are both installed and have overwritten each other's files",
        f"{BACKENDS['onnxruntime-cuda'].fix} (or onnxruntime without a GPU)",
    )


def _smallest_network() -> contextlib.AbstractContextManager[NetworkFile]:
    # Imports onnx, which takes longer than all other imports of a sweep.
    from colocate.inference.onnx.smallest import smallest_network

    return smallest_network()


def _elsewhere(runtime: Runtime, device: str | None) -> Missing | None:
    """Return why the runtime does not run on the device that the user chose; None if it does."""
    if device is None or runtime.on_gpu == (device != CPU):
        return None
    own = "a GPU" if runtime.on_gpu else "the CPU"
    return Missing(f"it runs on {own}, not on {device}", "leave out --device, or name another")


def _verdict(name: str, python: Interpreter, device: str | None) -> Missing | Mapping[str, Any]:
    """Try the runtime now, and return what it reported, or why it does not work."""
    own = BACKENDS[name].own_networks is not None
    try:
        with contextlib.nullcontext() if own else _smallest_network() as file:
            precision = DLA_PRECISION if is_dla(device) else "fp32"
            request = worker_request(Inference(name if own else "probe", name, precision), file, device=device)
            child = subprocess.run(
                python.command("colocate.worker.probe", request.to_json()),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=PROBE_TIMEOUT_S,
                check=False,
            )
    except subprocess.TimeoutExpired:
        return Missing(
            f"it did not answer within {PROBE_TIMEOUT_S:g} s", "look for a hanging driver: dmesg, nvidia-smi"
        )
    if child.returncode == 0:
        report: Mapping[str, Any] = json.loads(child.stdout)
        return report
    lines = child.stderr.strip().splitlines()
    reason = lines[-1] if lines else f"it ended with status {child.returncode} and no word"
    # The reason already says what to do.
    return Missing(reason)
