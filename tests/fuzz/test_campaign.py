"""A part of the campaign, and that it sees each defect. The long one: `python -m tests.fuzz`."""

from __future__ import annotations

import pytest

from tests.fuzz import campaign, kinds
from tests.fuzz.inputs import Outcome
from tests.fuzz.worker import made

COUNT, SEED = 500, 1
SEEN = {
    "crash": Outcome.TRACEBACK,
    "spin": Outcome.HANG,
    "sleep": Outcome.HANG,
    "die": Outcome.DIED,
    "eat": Outcome.DIED,
    "ramble": Outcome.LONG,
    "please": Outcome.WRONG,
    "refuse": Outcome.REFUSED,
    "read": Outcome.ACCEPTED,
}


def test_malformed_inputs_are_refused_in_one_line() -> None:
    found = list(campaign.campaign(campaign.jobs(kinds.NAMES, SEED, COUNT)))
    assert len(found) == COUNT
    assert [each for each in found if each.outcome.is_defect] == []


def test_each_defect_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "_GENERATORS", {name: f"defective:{name}" for name in SEEN})
    monkeypatch.setattr(kinds, "NAMES", tuple(SEEN))
    # Short, so that the test is: it says nothing of how fast this machine is.
    monkeypatch.setattr(campaign, "CPU_MAX_S", 2.0)
    monkeypatch.setattr(campaign, "WALL_MAX_S", 20.0)
    found = {each.kind: each.outcome for each in campaign.campaign(campaign.jobs(SEEN, 1, len(SEEN)))}
    # A limit on data makes a MemoryError of what a cgroup kills for.
    assert found.pop("eat") in (Outcome.DIED, Outcome.TRACEBACK)
    assert found == {name: outcome for name, outcome in SEEN.items() if name != "eat"}
    assert Outcome.HANG.is_defect and not Outcome.REFUSED.is_defect


def test_an_input_is_the_same_whenever_it_is_made() -> None:
    for kind in kinds.NAMES:
        assert made(kind, 3, 7) == made(kind, 3, 7)
        assert made(kind, 3, 7) != made(kind, 4, 7)
