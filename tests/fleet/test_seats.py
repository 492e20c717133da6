from __future__ import annotations

import pytest

from colocate.errors import HostError
from colocate.fleet.block import BoardLook, Ended
from colocate.fleet.seats import line_of, refuse_version, signed
from colocate.model.fleet import Board
from colocate.version import __version__
from tests.store.test_run_file import FACTS, record


def test_each_outcome_gets_the_board_as_it_was() -> None:
    found = list(signed("b1", Ended((record(0), record(1)), FACTS)))
    assert [each.board for each in found] == [Board("b1", FACTS)] * 2
    assert [each.trial for each in found] == [record(0).trial, record(1).trial]


def test_another_version_is_refused() -> None:
    refuse_version("b1", BoardLook(__version__, FACTS))
    with pytest.raises(HostError, match=r"board b1 has colocate 0\.0, this is \S+: install the same on both"):
        refuse_version("b1", BoardLook("0.0", FACTS))


def test_an_error_is_one_line() -> None:
    assert line_of(ValueError("first\nsecond")) == "first" and line_of(EOFError()) == "EOFError"
