"""Numbers as people read them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.report.text.numbers import (
    column_texts,
    counted,
    mhz_text,
    minutes,
    mj_text,
    ms_text,
    percent_text,
    ratio_text,
    ratio_texts,
    shared_decimals,
    signed_percent,
    three_digits,
    unbroken,
)


@given(st.floats(1e-4, 9e5))
def test_three_digits_are_true_and_plain(value: float) -> None:
    words = three_digits(value)
    assert "e" not in words and math.isclose(float(words), value, rel_tol=0.006)


def test_numbers_for_people() -> None:
    assert [three_digits(value) for value in (0.0, 0.01234, 8.1, 120.4, 1234.0)] == [
        "0.00",
        "0.0123",
        "8.10",
        "120",
        "1234",
    ]
    assert [ratio_text(value) for value in (0.998, 1.13, 12.34, 2.2e9)] == ["1.00", "1.13", "12.3", "> 100"]
    assert [percent_text(share) for share in (-0.004, -1e5)] == ["0 %", "< -100 %"]
    assert [three_digits(value) for value in (9.996, 99.96)] == ["10.0", "100"], "rounding may add a digit"
    assert [mhz_text(hz) for hz in (921_600_000, 1_734_000_000)] == ["921.6", "1734"]
    assert (ms_text(0.01234), mj_text(0.01234)) == ("12.3", "12.3")
    assert [minutes(s) for s in (45.2, 119, 120, 5400)] == ["45 s", "119 s", "2 min", "90 min"]


def test_a_column_has_the_decimals_of_its_smallest_value_unless_they_are_too_far_apart() -> None:
    assert [shared_decimals(values) for values in ((18.8, 118.0), (7.7, 12.0), (0.0, 250.0), ())] == [1, 2, 0, 2]
    assert shared_decimals((0.012, 1234.0)) is None
    assert three_digits(118.04, 1) == "118.0"


def test_one_thing_is_no_plural() -> None:
    assert [counted(number, "more block") for number in (0, 1, 2)] == [
        "0 more blocks",
        "1 more block",
        "2 more blocks",
    ]


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (0.0449, "+4.5 %"),
        (-0.12, "-12.0 %"),
        (0.0004, "0.0 %"),
        (-0.0004, "0.0 %"),
        (0.0, "0.0 %"),
        (-0.0006, "-0.1 %"),
    ],
)
def test_a_difference_has_its_sign_unless_it_rounds_to_nothing(ratio: float, words: str) -> None:
    assert signed_percent(ratio) == words


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((1.13, 1.09, 1.17), ["1.13", "1.09", "1.17"]),
        ((1.0312, 1.0309, 1.0318), ["1.031", "1.031", "1.032"]),
        ((1.13, 1.13, 1.13), ["1.13", "1.13", "1.13"]),
        ((1.0026, 1.0012, 1.0041), ["1.003", "1.001", "1.004"]),
        ((0.9993, 0.9988, 0.9998), ["0.9993", "0.9988", "0.9998"]),
        ((1.0, 0.98, 1.02), ["1.000", "0.980", "1.020"]),
        ((1.0001, 0.9984, 1.0018), ["1.000", "0.998", "1.002"]),
        ((9.5, 0.996, 12.34), ["9.500", "0.996", "12.3"]),
        ((1.00001, 1.00001, 1.00002), ["1.00001", "1.00001", "1.00002"]),
    ],
)
def test_an_estimate_and_its_interval_have_the_same_decimals(
    values: tuple[float, float, float], words: list[str]
) -> None:
    assert ratio_texts(values) == words


def test_a_column_has_the_decimals_that_its_values_share() -> None:
    assert column_texts([0.0123, 1.5, None], 10) == ["0.123", "15.000", ""]
    assert column_texts([0.00478, 10.5]) == ["0.00478", "10.5"], "too far apart"
    assert column_texts([]) == []


def test_a_unit_stays_with_its_number() -> None:
    assert unbroken("60.2 % in 5 ms at 1734/998.4 MHz") == "60.2\u00a0% in 5\u00a0ms at 1734/998.4\u00a0MHz"
    assert unbroken("3 tasks, 4 windows, quota=20%") == "3 tasks, 4 windows, quota=20%"
