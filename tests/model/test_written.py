"""A number with its own text, and values in messages."""

from __future__ import annotations

import datetime
import json
import pickle

import pytest

from colocate.model.written import WrittenFloat, WrittenHz, as_written


@pytest.mark.parametrize("text", ["1e308", "0.0", "5.00", "-0", " 7 ", "1_000.0", "inf"])
def test_a_number_keeps_its_text(text: str) -> None:
    number = WrittenFloat(text)
    assert number == float(text) and as_written(number) == str(number) == text.strip()
    assert as_written(pickle.loads(pickle.dumps(number))) == text.strip()
    assert type(number * 1.0) is float
    # Where it is stored it is a number as any other.
    assert json.dumps([number]) == json.dumps([float(text)])


def test_a_clock_keeps_the_megahertz_that_it_was_asked_for_by() -> None:
    clock = WrittenHz(5_500_000, "5.50")
    assert (clock, clock.mhz, pickle.loads(pickle.dumps(clock)).mhz) == (5_500_000, "5.50", "5.50")
    assert type(clock + 0) is int and json.dumps([clock]) == "[5500000]"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1e308, "1e308"), (1e-6, "1e-6"), (1.5e-10, "1.5e-10"), (1e5, "100000"), (0.0, "0"), (2.5, "2.5"), (7, "7"),
        (float("nan"), "nan"), (True, "true"), ([False, "x"], "[false, 'x']"), ((1.0,), "[1]"),
        ({"a": [WrittenFloat("1.0")]}, "{a = [1.0]}"), (datetime.date(2026, 1, 2), "2026-01-02"), (None, "None"),
    ],
)  # fmt: skip
def test_a_value_is_said_as_people_write_it(value: object, said: str) -> None:
    assert as_written(value) == said


def test_a_number_that_python_does_not_write_is_said_by_its_length() -> None:
    assert as_written(10**5000) == "a number of about 5000 digits"
    assert as_written([-(10**5000), 12]) == "[a number of about 5000 digits, 12]"
