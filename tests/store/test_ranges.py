from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from colocate.errors import SpecError
from colocate.model.containment import Containment
from colocate.model.request import Inference, SweepSpec, Task
from colocate.model.trial import Condition, Segment, Waits
from colocate.request.spec import make_spec
from colocate.store.ranges import check_ranges
from tests.store.test_run_file import HEADER, record

SPEC = SweepSpec((Inference("alexnet"),), (Task("jpeg"),))


def test_what_runs_hold_is_in_range() -> None:
    check_ranges(HEADER)
    check_ranges(record(0))
    check_ranges(dataclasses.replace(SPEC, cpu_clocks=(921_600_000, "low"), own_windows_s=(("alexnet", 5.0),)))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"repeats": 10**9}, "repeats is 1000000000; it lies between 1 and 10000"),
        ({"repeats": 0}, "repeats is 0"),
        ({"window_s": 1e308}, "window_s is 1e[+]308"),
        ({"window_s": math.nan}, "window_s is nan"),
        ({"warmup_s": -1.0}, "warmup_s is -1.0"),
        ({"cpu_clocks": (10**30,)}, "cpu_clocks"),
        ({"seed": 10**4000}, "seed is a huge number"),
        ({"own_windows_s": (("alexnet", -1.0),)}, "own_windows_s is -1.0"),
        ({"inferences": (Inference("alexnet", batch=10**6),)}, "batch is 1000000"),
        ({"tasks": (Task("jpeg", containment=Containment(quota_ratio=math.inf)),)}, "quota_ratio is inf"),
        ({"model": (("noise", math.inf),)}, "model is inf"),
    ],
)
def test_a_number_out_of_range_is_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        check_ranges(dataclasses.replace(SPEC, **changes))
    assert len(str(caught.value)) < 120


EXTREMES = [*(10.0**power for power in (-320, -30, -9, -6.5, -4, 8, 12.5, 20, 30.5, 300)), 10**31]


@pytest.mark.parametrize("key", ["window", "warmup", "settle", "period_ms", "segment_ms", "max_start_temp", "slo_ms",
    "max_slowdown", "power_budget_w", "max_work_loss", "emc_clocks", "cpu_clocks", "gpu_clocks", "inference_cpus",
    "model", "inputs", "own_window", "budget", "budget_text"])  # fmt: skip
@pytest.mark.parametrize("number", EXTREMES)
def test_a_run_of_every_study_that_is_accepted_can_be_read(key: str, number: float) -> None:
    value: Any = [number] if key.endswith(("clocks", "cpus")) else number
    made: dict[str, Any] = {key: {"noise": value} if key in ("model", "inputs") else value}
    if key == "own_window":
        made = {"networks": [{"network": "alexnet", "window": number, "period_ms": number}]}
    elif key.startswith("budget"):
        budget = f"{number:f}h" if key == "budget_text" else number
        made = {"budget": budget, "until": "decided", "max_slowdown": 1.1}
    try:
        spec = make_spec(made)
    except SpecError as refused:
        assert len(str(refused)) < 500
    else:
        check_ranges(spec)


@pytest.mark.parametrize(
    "keys", [{"repeats": 10_001}, {"window": 86_401.0}, {"period_ms": 10_001.0}, {"batch": 10_001}]
)
def test_the_ranges_of_a_study_are_those_of_a_request(keys: dict[str, Any]) -> None:
    most = {key: type(value)(value - 1) for key, value in keys.items()}
    check_ranges(make_spec(most))
    with pytest.raises(SpecError):
        make_spec(keys)


SEGMENTS = tuple(Segment(Condition(1 + at % 3), at // 4, 0.1 * at, 0.1 * at + 0.09, 1.0) for at in range(40))
COUNTED = dataclasses.replace(SEGMENTS[7], waits=Waits(0.1, 0.2, 3, 4))


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"end_s": math.nan}, "end_s is nan"),
        ({"begin_s": -1.0}, "begin_s is -1.0"),
        ({"group": 10**10}, "group is 10000000000"),
        ({"work": math.inf}, "work is inf"),
        ({"waits": Waits(0.1, math.nan, 3, 4)}, "cpu_s is nan"),
        ({"waits": Waits(0.1, 0.2, 3, 4, throttled_s=-1.0)}, "throttled_s is -1.0"),
    ],
)
def test_one_number_among_many_that_are_alike_is_found(changes: dict[str, Any], said: str, every: bool) -> None:
    segments = [*(dataclasses.replace(each, waits=COUNTED.waits) for each in SEGMENTS)] if every else [*SEGMENTS]
    segments[9] = dataclasses.replace(segments[9], work=None)
    segments[20] = dataclasses.replace(segments[20], **changes)
    with pytest.raises(ValueError, match=said):
        check_ranges(dataclasses.replace(record(0), segments=tuple(segments)))
    check_ranges(dataclasses.replace(record(0), segments=(*SEGMENTS, COUNTED)))
