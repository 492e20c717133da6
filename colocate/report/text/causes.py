"""Where the extra time of a network goes, in words, and what to do about the largest part."""

from __future__ import annotations

from collections.abc import Iterable

from colocate.model.cause import Cause, ExtraTime
from colocate.model.cell import Cell
from colocate.report.text.labels import beside_words, inferences_of, network_words, tasks_of
from colocate.report.text.numbers import ms_text, percent_text

# What happened, with the part and the whole; and what to do.
_SAID: dict[Cause, tuple[str, str]] = {
    Cause.PREEMPTED: (
        "the launch thread was preempted for {part} of {whole}",
        "contain the task (--containment idle) or give it other CPUs",
    ),
    Cause.LAUNCH_WAIT: (
        "the launch thread waited {part} of {whole}",
        "contain the task (--containment idle) or give it other CPUs",
    ),
    Cause.QUOTA: (
        "a CPU quota around colocate stopped the network for {part} of {whole}",
        "raise the container's CPU limit (docker run --cpus, or cpu.max of its cgroup)",
    ),
    Cause.GPU_TIME: (
        "the GPU took {part} of {whole}",
        "reduce the task's memory traffic (--containment cpus=1 or a quota), or pin the GPU's and the memory's clock",
    ),
    Cause.CLOCK: (
        "a lower CPU clock took {part} of {whole}",
        "pin it (--cpu-clocks), or run the task on fewer CPUs (--containment cpus=1)",
    ),
    Cause.MEMORY: (
        "misses of the last cache took {part} of {whole}",
        "give the task fewer CPUs (--containment cpus=1) or a quota, or CPUs that do not share the network's cache",
    ),
    Cause.SLOWER_CPU: (
        "the launch thread needed {part} of {whole} more of its CPU",
        "caches, memory or a core are shared: give the task CPUs of other cores, or fewer (--containment cpus=1)",
    ),
    Cause.UNKNOWN: (
        "{part} of {whole} is explained by no wait, clock or CPU time",
        "trace the network and the task, for example with perf sched",
    ),
}
# Causes that matter less to a network that is launched at once, as a CUDA graph.
_OF_THE_THREAD = (Cause.PREEMPTED, Cause.LAUNCH_WAIT, Cause.MEMORY, Cause.SLOWER_CPU, Cause.GPU_TIME)
# Parts that overlap by more than this share of the extra time get a remark.
_BEYOND_RATIO = 0.05


def cause_short(found: ExtraTime | None) -> str:
    """The largest part of the extra time and its share, such as `preempted 98 %`; empty if `found` is None."""
    if found is None:
        return ""
    cause, part_s = found.largest
    return f"{cause.value} {percent_text(part_s / found.extra_s)}"


def cause_words(found: ExtraTime) -> str:
    """Return what took most of the extra time, in numbers, and what to do about it."""
    cause, part_s = found.largest
    said, remedy = _SAID[cause]
    said = said.format(part=f"{ms_text(part_s)} ms", whole=f"{ms_text(found.extra_s)} ms")
    if found.beyond_s > _BEYOND_RATIO * found.extra_s:
        said += f" ({ms_text(found.extra_s + found.beyond_s)} ms were counted)"
    if found.launches is not None and cause in _OF_THE_THREAD:
        remedy += f"; a CUDA graph would need 1 launch instead of {found.launches}"
    return f"{said}: {remedy}"


def parts_words(found: ExtraTime) -> str:
    """Every part with its time: `preempted 0.440 ms, unknown 0.0100 ms`."""
    return ", ".join(f"{cause.value} {ms_text(part_s)} ms" for cause, part_s in found.parts)


def cause_lines(cells: Iterable[Cell]) -> list[str]:
    """Return a sentence for each cause that is the largest part of the extra time in any of `cells`. The sentence is
    about the cell in which this cause takes most time.
    """
    worst: dict[Cause, tuple[Cell, ExtraTime]] = {}
    cells = list(cells)
    for cell in cells:
        if cell.extra_time is not None:
            cause, part_s = cell.extra_time.largest
            if cause not in worst or part_s > worst[cause][1].largest[1]:
                worst[cause] = cell, cell.extra_time
    among, tasks = inferences_of(cells), tasks_of(cells)
    return [
        f"{network_words(cell.inference, among)} beside {beside_words(cell, tasks)}, {cell.placement}: "
        f"{cause_words(found)}."
        for cell, found in (worst[cause] for cause in Cause if cause in worst)
    ]
