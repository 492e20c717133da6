from __future__ import annotations

import dataclasses

import pytest

from colocate.model.request import Inference
from colocate.rigs.tx1.clocks import GPU_STEPS_HZ
from colocate.rigs.tx1.constants import Constants
from colocate.rigs.tx1.heat import Running, sustained_hz
from colocate.rigs.tx1.model import Load, OperatingPoint, Tx1Model
from tests.rigs.tx1.board import HIGH_CPU_HZ, HIGH_GPU_HZ, LOW_GPU_HZ

NETWORK = Inference("resnet152", "tensorrt", wait="block")
ALONE = OperatingPoint(HIGH_CPU_HZ, HIGH_GPU_HZ)
BESIDE = dataclasses.replace(ALONE, load=Load("jpeg", 2))


def limited(heat_limit_w: float) -> Tx1Model:
    return Tx1Model(dataclasses.replace(Constants(), heat_limit_w=heat_limit_w))


def board_w(setting: OperatingPoint, gpu_hz: int = HIGH_GPU_HZ) -> float:
    return float(Tx1Model().predict(NETWORK, dataclasses.replace(setting, gpu_hz=gpu_hz)).power_w[0])


@pytest.mark.parametrize("limit_w", [0.0, 100.0])
def test_without_a_limit_and_below_it_the_clock_stays(limit_w: float) -> None:
    assert sustained_hz(limited(limit_w), {(NETWORK, BESIDE): 1.0}, HIGH_GPU_HZ) == HIGH_GPU_HZ


def test_above_the_limit_the_clock_is_the_highest_that_keeps_it() -> None:
    limit_w = board_w(ALONE) + 0.1
    assert board_w(BESIDE) > limit_w
    found = sustained_hz(limited(limit_w), {(NETWORK, BESIDE): 1.0}, HIGH_GPU_HZ)
    assert board_w(BESIDE, found) <= limit_w < board_w(BESIDE, GPU_STEPS_HZ[GPU_STEPS_HZ.index(found) + 1])


def test_loads_that_take_turns_have_the_clock_that_their_mean_allows() -> None:
    model = limited((board_w(ALONE) + board_w(BESIDE)) / 2 + 0.1)
    both: dict[Running, float] = {(NETWORK, ALONE): 0.5, (NETWORK, BESIDE): 0.5}
    assert sustained_hz(model, both, HIGH_GPU_HZ) == HIGH_GPU_HZ
    assert sustained_hz(model, {(NETWORK, BESIDE): 1.0}, HIGH_GPU_HZ) < HIGH_GPU_HZ


def test_where_no_clock_keeps_the_limit_it_is_the_lowest() -> None:
    assert sustained_hz(limited(0.1), {(NETWORK, BESIDE): 1.0}, HIGH_GPU_HZ) == LOW_GPU_HZ
