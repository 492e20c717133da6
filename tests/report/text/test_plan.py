"""The plan of a study in few lines."""

from __future__ import annotations

import pytest

from colocate.report.text.plan import plan_rows, print_plan
from colocate.report.text.tables import console
from colocate.request.spec import make_spec
from colocate.study.plan import plan
from tests.study.test_plan import facts

MACHINE = facts(cpu_steps_hz=(102_000_000,), gpu_steps_hz=(76_800_000, 998_400_000), rails=("VDD_IN",))


def test_every_trial_is_counted_in_a_row_of_its_network_and_task() -> None:
    keys = {"networks": ["alexnet"], "stressors": ["jpeg"], "containment": ["none", "idle"], "gpu_clocks": ["low"]}
    trials = plan(make_spec(keys), MACHINE)
    rows = plan_rows(trials)
    assert [row[:2] for row in rows] == [
        ("alexnet", "no task"), ("alexnet", "jpeg"), ("alexnet", "jpeg (idle)"),
        ("no network", "no task"), ("no network", "jpeg"), ("no network", "jpeg (idle)"),
    ]  # fmt: skip
    assert sum(int(number or 0) for row in rows for number in row[3:]) == len(trials)


def test_clock_points_are_named_once_or_stay_native(capsys: pytest.CaptureFixture[str]) -> None:
    keys = {"networks": ["alexnet"], "stressors": ["jpeg"]}
    for machine, first in (
        (MACHINE, "2 clock points, CPU/GPU in MHz: 102/76.8, 102/998.4"),
        (facts(), "Clocks stay native."),
    ):
        print_plan(console(), plan(make_spec(keys), machine))
        assert capsys.readouterr().out.splitlines()[0] == first
