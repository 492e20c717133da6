"""A step of a profile as its process reports it."""

from __future__ import annotations

import dataclasses
import json

import pytest

from colocate.model.trial import Step


@pytest.mark.parametrize(
    "step", [Step("conv", "Conv", 0.001), Step("mul", "MatMul", 0.002, within=("loop", "if"), runs=20.0)]
)
def test_a_step_comes_back_from_json(step: Step) -> None:
    assert Step.from_json(json.loads(json.dumps(dataclasses.asdict(step)))) == step


def test_a_step_from_before_there_were_bodies_lies_in_none() -> None:
    assert Step.from_json({"name": "conv", "kind": "Conv", "time_s": 0.001}) == Step("conv", "Conv", 0.001)
