"""Where ranks meet."""

from __future__ import annotations

from colocate.training.meeting import joined, opened
from tests.training.requests import request


def test_two_ranks_meet_on_a_port_that_is_free() -> None:
    asked = request(ranks=2)
    mine = opened(asked)
    theirs = joined(asked, mine.port)
    mine.set("said", "word")
    assert theirs.get("said") == b"word"
    assert opened(asked).port != mine.port
