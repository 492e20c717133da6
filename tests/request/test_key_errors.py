"""What is said of a wrong key: the key, the value, and what to write; pydantic's own words nowhere."""

from __future__ import annotations

import re
from typing import Any

import pytest

from colocate.errors import SpecError
from colocate.model.spelling import unknown
from colocate.request.spec import make_spec


def said_of(keys: dict[str, Any]) -> str:
    with pytest.raises(SpecError) as raised:
        make_spec(keys)
    return str(raised.value)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"window": 0}, "window: give a number of at least 1e-06, not 0"),
        ({"window": "2"}, "window: give a number, not '2'"),
        ({"window": float("nan")}, "window: give a finite number, not nan"),
        ({"cpu_clocks": "high"}, "cpu_clocks: give a list, not 'high'"),
        ({"cpu_clocks": [[1]]}, "cpu_clocks.0: give a number or a text, not [1]"),
        ({"batch": 100_000}, "batch: give a number of at most 10000, not 100000"),
        ({"seed": 1.5}, "seed: give a whole number, not 1.5"),
        ({"graph": 1}, "graph: give true or false, not 1"),
        ({"max_start_temp": 200}, "max_start_temp: give a number less than 150, not 200"),
        ({"networks": [5]}, "networks.0: give a text or a table, not 5"),
        ({"networks": [{"network": "alexnet", "batch": 0}]}, "networks.0.batch: give a number of at least 1, not 0"),
        ({"networks": [{"batch": 2}]}, "networks.0.network: this key is missing"),
        ({"model": {"contention": "2"}}, "model.contention: give a number, not '2'"),
        ({"commands": 5}, "commands: give a table, not 5"),
        ({"commands": {"e": 5}}, "commands.e: give a text or a table, not 5"),
        ({"commands": {"e": {"argv": "x"}}}, "commands.e.argv: give a list, not 'x'"),
        ({"pipelines": {"cam": {"argv": "x", "latency_unit": "min"}}},
         "pipelines.cam.latency_unit: give 'ms', 'us' or 's', not 'min'"),
        ({"pipelines": {"cam": {}}}, "pipelines.cam.argv: this key is missing"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_key_and_what_to_give(keys: dict[str, Any], said: str) -> None:
    assert said_of(keys) == said


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"networks": [{"network": "alexnet", "bach": 2}]}, "networks.0: unknown key 'bach'; did you mean 'batch'?"),
        ({"commands": {"e": {"command": "x", "ready": {"lin": "x"}}}},
         "commands.e.ready: unknown key 'lin'; did you mean 'line'?"),
        ({"commands": {"e": {"comand": "x"}}}, "commands.e: unknown key 'comand'; did you mean 'command'?"),
        ({"pipelines": {"cam": {"argv": "x", "latncy": "y"}}},
         "pipelines.cam: unknown key 'latncy'; did you mean 'latency'?"),
    ],
)  # fmt: skip
def test_a_misspelt_key_of_a_table_is_told_the_nearest(keys: dict[str, Any], said: str) -> None:
    assert said_of(keys) == said


def test_a_key_like_no_other_is_told_all() -> None:
    said = said_of({"commands": {"e": {"command": "x", "zzz": 1}}})
    assert re.match(r"commands\.e: unknown key 'zzz'; give one of command, argv, ", said)
    assert unknown("zzz", ["ab", "cd"], "word") == "unknown word 'zzz'; give one of ab, cd"


@pytest.mark.parametrize("name", ["str", "float", "CommandKeys", "a.b", "new\nline"])
def test_the_users_own_names_are_kept_and_stay_on_the_line(name: str) -> None:
    said = said_of({"commands": {name: {"command": "x", "pause": 1}}})
    assert said == f"commands.{repr(name)[1:-1]}.pause: give true or false, not 1"
