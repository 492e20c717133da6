"""What stands in for newer functions gives what they give."""

from __future__ import annotations

import importlib
import math
import time

import pytest

from colocate.worker import older


def test_a_product_is_that_of_math() -> None:
    for sizes in ((), (3,), (2, 3, 4), (5, 0), (1 << 40, 1 << 40)):
        assert older.product(sizes) == math.prod(sizes)


@pytest.mark.parametrize("part", ["", "ab", "abab", "b"])
def test_an_end_is_taken_off_as_str_does(part: str) -> None:
    for text in ("", "abab", "ba"):
        assert older.without_suffix(text, part) == text.removesuffix(part)


@pytest.mark.parametrize("name", ["monotonic_ns", "process_time_ns"])
def test_a_clock_without_nanoseconds_tells_the_same_time(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    clock = getattr(time, name)
    monkeypatch.delattr(time, name)
    stand_in = getattr(importlib.reload(older), name)
    before_ns, now_ns, after_ns = clock(), stand_in(), clock()
    assert stand_in is not clock
    # A double of the seconds since the start of the machine.
    assert before_ns - 1000 <= now_ns <= after_ns + 1000
    monkeypatch.undo()
    assert getattr(importlib.reload(older), name) is clock
