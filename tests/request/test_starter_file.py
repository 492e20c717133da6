"""A study file to begin with: it runs as it is, and each of its comments is a choice that can be made."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest

from colocate.model.machine import HostFacts, Missing
from colocate.request.spec import make_spec
from colocate.request.starter_file import starter_file
from colocate.request.study_keys import StudyKeys
from colocate.study.clock_points import clock_points
from tests.study.test_plan import facts

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

BOARD = facts(
    cpu_steps_hz=(102_000_000, 921_600_000, 1_734_000_000), gpu_steps_hz=(76_800_000, 998_400_000), rails=("VDD_IN",)
)
BARE = facts(cpus=(0,), cpu_model="Odd\nCPU \x1b[1m", containment_missing={"idle": Missing("old kernel")}, rails=())


def parsed(text: str) -> dict[str, Any]:
    return tomllib.loads(text)


@pytest.mark.parametrize("machine", [BOARD, BARE], ids=["board", "bare"])
def test_it_runs_as_it_is_and_with_every_choice_made(machine: HostFacts) -> None:
    text = starter_file(machine, {}, "study.toml")
    made = make_spec(parsed(text))
    # What stands in it without a comment is what a plain sweep does.
    placements = ("isolated",) if len(machine.cpus) > 1 else ("shared",)
    plain = make_spec({"placement": placements})
    assert (made.inferences, made.tasks, made.repeats) == (plain.inferences, plain.tasks, plain.repeats)
    assert (
        made.limits is None
        and made.placements == placements
        and clock_points(made, machine) == clock_points(plain, machine)
    )
    chosen = re.sub(r"^# (?=\w+ = |\[)", "", text, flags=re.MULTILINE)
    keys = parsed(chosen)
    assert keys.keys() <= StudyKeys.__dataclass_fields__.keys() and {"slo_ms", "containment", "commands"} <= {*keys}
    assert make_spec(keys).limits is not None


def test_it_says_what_the_machine_can_do() -> None:
    board, bare = (starter_file(machine, {}, "a.toml") for machine in (BOARD, BARE))
    assert "3 steps from 102 to 1734" in board and "nothing can judge it" not in board
    assert "the CPU clock cannot be set here" in bare and "no power meter here: nothing can judge it" in bare
    assert '\nplacement = ["shared"]' in bare and '"idle"' not in bare and '"idle"' in board
    assert "colocate sweep a.toml" in board


def test_what_is_given_is_a_choice_that_is_made() -> None:
    keys = {
        "rig": "tx1-model", "slo_ms": 30.0, "containment": ["none", "idle"], "seed": 3,
        "commands": {"packer": "gzip -9"},
    }  # fmt: skip
    text = starter_file(facts(rig="tx1-model"), keys, "study.toml")
    found = parsed(text)
    assert {key: found[key] for key in keys} == keys
    assert text.startswith("# A study for tx1-model: a MODEL, not a measurement\n")
