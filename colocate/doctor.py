"""What this machine offers a study, and for every lack the one command or package that mends it."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Iterator
from dataclasses import dataclass

from colocate.errors import HostError
from colocate.host import cpuset, journal
from colocate.host.clocks import Clocks, find_clocks
from colocate.host.facts import read_facts
from colocate.host.sysfs import Sysfs
from colocate.inference import BACKENDS, availability
from colocate.power import find_meters
from colocate.power.refresh import refresh_period_s
from colocate.study.model import HostFacts
from cpu_workloads.registry import names as stressor_names
from cpu_workloads.registry import remedy as stressor_remedy


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a study can use, or lacks: then `remedy` says what mends it."""

    area: str
    name: str
    state: str
    remedy: str = ""


def examine(sysfs: Sysfs | None = None, *, gpu_bandwidth: bool = False) -> tuple[Finding, ...]:
    """Look at everything and change nothing that outlives the look; tell of the GPU's memory when asked."""
    sysfs = sysfs or Sysfs()
    confinement, clocks = cpuset.detect(), find_clocks(sysfs)
    meters = find_meters()
    try:
        facts = read_facts(confinement, clocks, meters.rails)
        return (
            *_machine(facts),
            *_clocks(facts, clocks),
            *(
                Finding(
                    "power", ", ".join(meter.rails), f"{meter.quantity.value}, {_period(refresh_period_s(meter))}"
                )
                for meter in meters.meters
            ),
            *(Finding("power", lack.sensor, lack.reason, lack.remedy) for lack in meters.lacks),
            *_backends(),
            *(_bandwidth() if gpu_bandwidth else ()),
            *_stressors(),
            *_journal(sysfs),
        )
    finally:
        meters.close()


def _machine(facts: HostFacts) -> Iterator[Finding]:
    yield Finding("machine", "CPUs", f"{len(facts.cpus)} x {facts.cpu_model}, {facts.architecture}")
    yield Finding("machine", "kernel", facts.kernel)
    for gpu in facts.gpus:
        yield Finding("machine", "GPU", f"{gpu}, driver {facts.versions['nvidia driver']}")
    root = os.geteuid() == 0
    yield Finding(
        "machine", "user", "root" if root else "not root", "" if root else "sudo: clocks and cpusets are root's"
    )
    lack = "run as root with a writable cpuset controller" if facts.confinement == "affinity" else ""
    yield Finding("machine", "confinement", " ".join(filter(None, (facts.confinement, facts.confinement_note))), lack)


def _clocks(facts: HostFacts, clocks: Clocks) -> Iterator[Finding]:
    reasons = dict(note.split(": ", 1) for note in facts.clock_notes)
    steps = {"cpu": facts.cpu_steps_hz, "gpu": facts.gpu_steps_hz, "emc": facts.emc_steps_hz}
    for name, steps_hz in steps.items():
        domain = clocks.domain(name)
        now_hz = None if domain is None else domain.read_hz()
        now = "" if now_hz is None else f"now {now_hz / 1e6:g} MHz; "
        if steps_hz:
            table = f"{len(steps_hz)} steps, {steps_hz[0] / 1e6:g} to {steps_hz[-1] / 1e6:g} MHz"
            yield Finding("clocks", name, f"{now}{table}{', set on request only' if _on_request(domain) else ''}")
        else:
            yield Finding("clocks", name, now + reasons[name], _CLOCK_REMEDY[name])


_CLOCK_REMEDY = {
    "cpu": "root, and a cpufreq driver with a table of steps (bare metal; not intel_pstate in active mode)",
    "gpu": "root, and a GPU with a devfreq node or NVML; studies run at its native clock without",
    "emc": "root, and a Tegra memory controller in debugfs (mount -t debugfs none /sys/kernel/debug)",
}


def _on_request(domain: object) -> bool:
    return bool(getattr(domain, "on_request", False))


def _period(period_s: float | None) -> str:
    return "refresh unknown" if period_s is None else f"refreshed every {1e3 * period_s:.3g} ms"


def _backends() -> Iterator[Finding]:
    found = availability.look()
    for name, runtime in BACKENDS.items():
        if (lack := found.lacks.get(name)) is not None:
            yield Finding("inference", name, lack.reason, lack.remedy)
        else:
            yield Finding("inference", name, _version(runtime.package))
    if (mix := availability.mixed_up()) is not None:
        yield Finding("inference", "onnxruntime", mix.reason, mix.remedy)


def _bandwidth() -> Iterator[Finding]:
    found = availability.look()
    if (lack := found.lacks.get("bandwidth")) is not None:
        yield Finding("GPU memory", "copy bandwidth", f"not measured: {lack.reason}", lack.remedy)
    else:
        told = found.found["bandwidth"]["bytes_per_s"]
        yield Finding("GPU memory", "copy bandwidth", f"{told / 1e9:.4g} GB/s, bytes read plus bytes written")


def _version(package: str | None) -> str:
    """The version of the distribution that brought `package`; several may."""
    if package is None:
        return "built in"
    names = importlib.metadata.packages_distributions().get(package, [])
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in dict.fromkeys(names)) or "works"


def _stressors() -> Iterator[Finding]:
    for name in stressor_names():
        lack = stressor_remedy(name)
        yield Finding("tasks", name, "cannot run" if lack else "ready", lack)


def _journal(sysfs: Sysfs) -> Iterator[Finding]:
    folder = journal.state_folder()
    try:
        left = journal.read(sysfs, folder)
    except HostError as error:
        yield Finding("journal", str(folder), str(error), "see the message")
        return
    if left is None:
        yield Finding("journal", str(folder), "nothing to restore")
    else:
        yield Finding("journal", str(folder), f"{len(left.knobs)} knobs left changed", "python -m colocate restore")
