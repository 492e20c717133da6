"""A key that holds more than any study does is refused with the number that is too large."""

from __future__ import annotations

from typing import Any

import pytest

from colocate.errors import SpecError
from colocate.request.lengths import ENTRIES_MAX, check_lengths
from colocate.request.spec import make_spec

MANY = 100_000


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        ("inference_cpus", [*range(MANY)], MANY),
        ("commands", {f"c{number}": "true" for number in range(MANY)}, MANY),
        ("commands", {f"c{number}": {"argv": "true"} for number in range(ENTRIES_MAX)}, 2 * ENTRIES_MAX),
        ("mixes", {"a": ["bitcount"] * MANY}, 1 + MANY),
        ("networks", ["alexnet"] * MANY, MANY),
        ("stressors", ("bitcount",) * MANY, MANY),
        ("cpu_clocks", [100.0] * MANY, MANY),
        ("no_such_key", [[[]] * 200] * 200, 200 + 200 * 200),
    ],
)
def test_the_number_of_entries_is_said(key: str, value: Any, found: int) -> None:
    with pytest.raises(SpecError, match=f"^{key}: it has {found} entries, and {ENTRIES_MAX} are the most$"):
        make_spec({key: value})


def test_a_large_study_passes() -> None:
    check_lengths({"commands": {f"c{number}": "true" for number in range(ENTRIES_MAX)}, "seed": 3, "rig": "host"})


@pytest.mark.parametrize(
    "keys",
    [
        {"commands": {"a": "printf \udcff"}},
        {"commands": {"a": {"argv": ["printf", "\udcff"]}}},
        {"pipelines": {"a": "\udcff"}},
        {"networks": ["\udcff.onnx"]},
        {"inputs": {"x\udcff": 1.0}},
    ],
)
def test_what_no_run_can_store_is_refused_before_it_begins(keys: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match=f"^{next(iter(keys))}: '.*udcff.*' is not UTF-8"):
        make_spec(keys)
