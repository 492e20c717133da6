"""Which design a study has: what it asks for, what its tasks allow, and what the machine can do."""

from __future__ import annotations

import dataclasses

import pytest

from colocate.errors import HostError, SpecError
from colocate.model.request import SweepSpec, Task
from colocate.request.design import alternates, design_of, settled_design
from colocate.request.spec import make_spec
from tests.study.test_plan import facts

JPEG, WATCHED = Task("jpeg"), Task("watched", ("true",), pause=False)


@pytest.mark.parametrize(
    ("design", "tasks", "alternating"),
    [
        (None, [JPEG], True),
        (None, [JPEG, WATCHED], True),
        ("alternating", [JPEG], True),
        ("alternating", [JPEG, WATCHED], True),
        ("steady", [JPEG], False),
        (None, [WATCHED], False),
        (None, [], False),
    ],
)
def test_a_study_alternates_where_it_may_pause_a_task(
    design: str | None, tasks: list[Task], alternating: bool
) -> None:
    assert alternates(design, None, tasks) is alternating


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"design": "alternatng"}, "unknown design 'alternatng'; did you mean 'alternating'"),
        (
            {"design": "alternating", "stressors": [], "commands": {"w": {"command": "true", "pause": False}}},
            "design: there is no task that may be paused",
        ),
        (
            {"design": "steady", "segment_ms": 50},
            "this study is steady; leave segment_ms out, or give --design alternating$",
        ),
        (
            {"segment_ms": 50, "stressors": [], "commands": {"w": {"command": "true", "pause": False}}},
            "segment_ms: .* and no task may be paused; leave segment_ms out$",
        ),
        ({"design": "alternating", "segment_ms": 0}, "segment_ms: .*at least 0.001"),
        ({"design": "alternating", "segment_ms": "50"}, "segment_ms: .*number"),
    ],
)
def test_a_design_that_cannot_be_gets_one_line(keys: dict[str, object], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        make_spec(keys)


def spec(**keys: object) -> SweepSpec:
    return make_spec(keys)


def test_the_stored_study_says_what_runs() -> None:
    asked = spec(segment_ms=50)
    assert (asked.alternating, asked.segment_s, design_of(asked)) == (True, 0.05, "alternating")
    assert settled_design(asked, ["design"], facts(pausing="signals")) is asked
    steady = settled_design(asked, ["stressors"], facts(pausing=""))
    assert steady == dataclasses.replace(asked, alternating=False, segment_s=None)
    assert design_of(steady) == "steady"


@pytest.mark.parametrize("key", ["design", "segment_ms"])
def test_what_a_machine_cannot_do_is_refused_where_it_is_asked_for(key: str) -> None:
    with pytest.raises(HostError, match="tasks cannot be paused on this machine; give --design steady"):
        settled_design(spec(), [key], facts(pausing=""))
    steady = make_spec({"design": "steady"})
    assert settled_design(steady, ["design"], facts(pausing="")) is steady
