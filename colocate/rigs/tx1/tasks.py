"""What a background task costs on one core of the Tegra X1: cycles and memory traffic per unit of work, and power."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from colocate.rigs.tx1.constants import Constants
from colocate.rigs.tx1.timing import crowding, memory_bytes_per_s

UNITS: Mapping[str, str] = {"bitcount": "words", "stringsearch": "passes", "jpeg": "frames", "jpeg-small": "frames"}
"""Every task that is known, with the unit of its work as in `cpu_workloads`."""


@dataclass(frozen=True, slots=True)
class TaskCost:
    """The costs of one process: cycles, without waits for memory, and memory traffic per unit of work; power in W per
    Hz and V^2.
    """

    cycles_per_unit: float
    bytes_per_unit: float
    w_per_hz: float


def task(name: str, c: Constants) -> TaskCost:
    """Return the costs of a task of `UNITS`."""
    instructions, misses, ipc, w_per_hz = {
        "bitcount": (c.bitcount_instructions, c.bitcount_misses, c.bitcount_ipc, c.bitcount_w_per_hz),
        "stringsearch": (
            c.stringsearch_instructions, c.stringsearch_misses, c.stringsearch_ipc, c.stringsearch_w_per_hz,
        ),
        "jpeg": (c.jpeg_instructions, c.jpeg_misses, c.jpeg_ipc, c.jpeg_w_per_hz),
        "jpeg-small": (c.jpeg_small_instructions, c.jpeg_small_misses, c.jpeg_ipc, c.jpeg_w_per_hz),
    }[name]  # fmt: skip
    return TaskCost(instructions / ipc, instructions * misses / 1000 * c.line_bytes, w_per_hz)


def unit_s(task: TaskCost, cpu_hz: float, emc_hz: float, pressure_bytes_per_s: float, constants: Constants) -> float:
    """Return how long one process takes for a unit of work, in s: its cycles and its waits for memory.

    A core alone reads as fast as core and memory allow; `pressure_bytes_per_s` of other traffic slows it.
    """
    alone = min(constants.core_bytes_per_cycle * cpu_hz, memory_bytes_per_s(emc_hz, constants))
    waits_s = task.bytes_per_unit / alone * crowding(pressure_bytes_per_s, emc_hz, constants)
    return task.cycles_per_unit / cpu_hz + waits_s


def traffic_bytes_per_s(task: TaskCost, cpu_hz: float, emc_hz: float, constants: Constants) -> float:
    """Return the memory traffic of one process that has the memory to itself."""
    return task.bytes_per_unit / unit_s(task, cpu_hz, emc_hz, 0.0, constants)
