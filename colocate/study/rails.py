"""What a power rail feeds, judged by its name: the whole board, its GPU, its CPU, or something else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

# One rail that feeds the whole module or board: TX1, TX2, TX2 NX, Xavier NX, Orin NX and Nano; Nano; AGX Thor.
_TOTALS = ("VDD_IN", "POM_5V_IN", "VIN")
# If there is no such rail, these rails together feed the board. On AGX Orin, VDDQ_VDD2_1V8AO is fed from VIN_SYS_5V0
# and must not be counted again; on AGX Xavier, VDDRQ and SYS5V have inputs of their own. Sources: NVIDIA's Jetson
# Linux Developer Guide r36.4, "Software-Based Power Consumption Modeling"; Jetson AGX Xavier design guide DG-09840,
# figure 5-14.
_SUMS = (
    ("GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"),
    ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"),
    ("VDD_GPU", "VDD_CPU_SOC_MSS", "VIN_SYS_5V0"),
)
# Rails that feed the GPU alone, or the CPU alone. Shared ones (VDD_CPU_GPU_CV, VDD_GPU_SOC) are nobody's.
_GPU = ("VDD_GPU", "POM_5V_GPU", "VDD_SYS_GPU", "GPU")
_CPU = ("VDD_CPU", "POM_5V_CPU", "VDD_SYS_CPU", "CPU")
_GPU_METER = "nvml:"
_CPU_METER = "rapl:"


class RailRoles(NamedTuple):
    """The indices of the rails that add up to the power of the board (`total`), its GPU and its CPU; empty if
    unknown.
    """

    total: tuple[int, ...]
    gpu: tuple[int, ...]
    cpu: tuple[int, ...]


def rail_roles(rails: Sequence[str], gpus: int | None = None) -> RailRoles:
    """Return which of `rails` to add up for the board, its GPU and its CPU.

    A board's own rails are preferred. A machine without them, such as a server, has meters for its GPUs, its CPU
    packages, or both: their sum is its total, without memory, fans and losses. Of GPUs with meters of their own, the
    first `gpus` count; None stands for all.
    """
    gpu_meters = tuple(index for index, rail in enumerate(rails) if rail.startswith(_GPU_METER))
    cpu_meters = tuple(index for index, rail in enumerate(rails) if rail.startswith(_CPU_METER))
    board = len(gpu_meters) + len(cpu_meters) < len(rails)
    gpu_meters = gpu_meters if gpus is None else gpu_meters[:gpus]
    complete = [each for each in (*((total,) for total in _TOTALS), *_SUMS) if set(each) <= set(rails)]
    total = tuple(rails.index(rail) for rail in complete[0]) if complete else ()
    return RailRoles(
        total=total if board else gpu_meters + cpu_meters,
        gpu=_first(rails, _GPU) or gpu_meters,
        cpu=_first(rails, _CPU) or cpu_meters,
    )


def _first(rails: Sequence[str], wanted: Sequence[str]) -> tuple[int, ...]:
    return next(((rails.index(rail),) for rail in wanted if rail in rails), ())
