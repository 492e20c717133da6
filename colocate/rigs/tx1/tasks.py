"""What a background task does on one core of the Tegra X1: cycles and memory traffic per unit of work, and power.

Instructions and traffic per unit are measured with cachegrind and an A57's caches (2 MB, 16 ways, 64-byte lines):
of the MiBench originals for bitcount, stringsearch and jpeg-small, of Pillow on a ring of eight 1920x1080 frames for
jpeg, whose 32 MB (encode) and 44 MB (decode) of fills per frame come with 7.75 misses per 1000 instructions.
Instructions per cycle and power are of the founding study's logs on the board. Write-backs are not counted.
"""

from __future__ import annotations

from dataclasses import dataclass

from colocate.rigs.tx1.constants import Constants
from colocate.rigs.tx1.timing import crowding, memory_bytes_per_s

_LINE_BYTES = 64


@dataclass(frozen=True, slots=True)
class Task:
    """One process. `unit` is that of `cpu_workloads`; cycles without waiting for memory."""

    unit: str
    cycles_per_unit: float
    bytes_per_unit: float
    w_per_hz: float


# cachegrind: instructions; last-level misses per 1000 of them. Board: instructions per cycle; W per Hz and V^2.
TASKS = {
    # 577.7 M instructions for 1.125 M words in seven ways each.
    "bitcount": Task("words", 513.5 / 1.76, 513.5e-3 * 0.0001 * _LINE_BYTES, 0.90e-9),
    "stringsearch": Task("passes", 0.946e6 / 0.98, 0.946e3 * 0.0001 * _LINE_BYTES, 0.75e-9),
    # 76 MB are 1.19 M misses, at 7.75 per 1000 instructions.
    "jpeg": Task("frames", 76e6 / _LINE_BYTES / 7.75e-3 / 1.37, 76e6, 1.02e-9),
    "jpeg-small": Task("frames", 91.3e6 / 1.37, (73.3e3 * 0.18 + 18.0e3 * 0.05) * _LINE_BYTES, 1.02e-9),
}


def unit_s(task: Task, cpu_hz: float, emc_hz: float, pressure_bytes_per_s: float, constants: Constants) -> float:
    """How long one process takes for a unit of work: its cycles, and its waits for memory.

    A core alone reads what it can or the memory gives; `pressure_bytes_per_s` of other traffic crowds it.
    """
    alone = min(constants.core_bytes_per_cycle * cpu_hz, memory_bytes_per_s(emc_hz, constants))
    waits_s = task.bytes_per_unit / alone * crowding(pressure_bytes_per_s, emc_hz, constants)
    return task.cycles_per_unit / cpu_hz + waits_s


def traffic_bytes_per_s(task: Task, cpu_hz: float, emc_hz: float, constants: Constants) -> float:
    """Memory traffic of one process that has the memory to itself."""
    return task.bytes_per_unit / unit_s(task, cpu_hz, emc_hz, 0.0, constants)
