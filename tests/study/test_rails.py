from __future__ import annotations

import random

import pytest

from colocate.study.rails import rail_roles

# Rails of every board -> those that add up to the whole, those of its GPU and those of its CPU.
BOARDS = {
    "TX1": (["VDD_IN", "VDD_GPU", "VDD_CPU"], ["VDD_IN"], ["VDD_GPU"], ["VDD_CPU"]),
    "TX1 with its carrier": (
        ["VDD_IN", "VDD_GPU", "VDD_CPU", "VDD_MUX", "VDD_5V_IO_SYS", "VDD_3V3_SYS", "VDD_3V3_IO", "VDD_M2_IN"],
        ["VDD_IN"],
        ["VDD_GPU"],
        ["VDD_CPU"],
    ),
    "Nano": (["POM_5V_IN", "POM_5V_GPU", "POM_5V_CPU"], ["POM_5V_IN"], ["POM_5V_GPU"], ["POM_5V_CPU"]),
    "TX2": (
        ["VDD_SYS_GPU", "VDD_SYS_SOC", "VDD_4V0_WIFI", "VDD_IN", "VDD_SYS_CPU", "VDD_SYS_DDR"],
        ["VDD_IN"],
        ["VDD_SYS_GPU"],
        ["VDD_SYS_CPU"],
    ),
    "TX2 NX": (["VDD_IN", "VDD_CPU_GPU", "VDD_SOC"], ["VDD_IN"], [], []),
    "AGX Xavier": (
        ["GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"],
        ["GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"],
        ["GPU"],
        ["CPU"],
    ),
    "Xavier NX, Orin NX and Nano": (["VDD_IN", "VDD_CPU_GPU_CV", "VDD_SOC"], ["VDD_IN"], [], []),
    "AGX Orin": (
        ["VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0", "VDDQ_VDD2_1V8AO"],
        ["VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"],
        [],
        [],
    ),
    "Thor": (["VDD_GPU", "VDD_CPU_SOC_MSS", "VIN_SYS_5V0", "VIN"], ["VIN"], ["VDD_GPU"], []),
    "Thor without its INA238": (
        ["VDD_GPU", "VDD_CPU_SOC_MSS", "VIN_SYS_5V0"],
        ["VDD_GPU", "VDD_CPU_SOC_MSS", "VIN_SYS_5V0"],
        ["VDD_GPU"],
        [],
    ),
    "Thor, its GPU also through NVML": (["VDD_GPU", "VIN", "nvml:gpu0"], ["VIN"], ["VDD_GPU"], []),
    "half of an AGX Xavier": (["GPU", "CPU", "SOC"], [], ["GPU"], ["CPU"]),
    "half of an AGX Orin": (["VDD_GPU_SOC", "VDD_CPU_CV", "nvml:gpu0"], [], ["nvml:gpu0"], []),
    "server": (
        ["nvml:gpu0", "nvml:gpu1", "rapl:package-0", "rapl:package-1"],
        ["nvml:gpu0", "nvml:gpu1", "rapl:package-0", "rapl:package-1"],
        ["nvml:gpu0", "nvml:gpu1"],
        ["rapl:package-0", "rapl:package-1"],
    ),
    "GPU alone": (["nvml:gpu0"], ["nvml:gpu0"], ["nvml:gpu0"], []),
    "CPU alone": (["rapl:package-0"], ["rapl:package-0"], [], ["rapl:package-0"]),
    "unknown": (["package-0", "VBAT"], [], [], []),
    "none": ([], [], [], []),
}


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("seed", range(3))
def test_roles_by_name_whatever_the_order(board: str, seed: int) -> None:
    rails, *expected = BOARDS[board]
    shuffled = random.Random(seed).sample(rails, len(rails))
    found = [{shuffled[index] for index in role} for role in rail_roles(shuffled)]
    assert found == [set(role) for role in expected]


def test_a_training_counts_the_gpus_that_it_uses() -> None:
    rails = ["nvml:gpu0", "nvml:gpu1", "nvml:gpu2", "rapl:package-0"]
    assert rail_roles(rails, 2) == ((0, 1, 3), (0, 1), (3,))
    assert rail_roles(rails, 0) == ((3,), (), (3,))
    assert rail_roles(rails) == ((0, 1, 2, 3), (0, 1, 2), (3,))
    # A board's own rail holds all of it.
    assert rail_roles(["VDD_IN", *rails], 0).total == (0,)
