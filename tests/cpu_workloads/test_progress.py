"""Lines and the work that they tell of, however they arrive."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cpu_workloads.progress import LINE_BYTES, Lines, Progress

TEXT = st.binary(max_size=3 * LINE_BYTES) | st.text("ab\r\n").map(str.encode)


def counted(pattern: str, *lines: str, restarts: bool = False) -> float:
    progress = Progress(pattern)
    for line in lines:
        if restarts:
            progress.restart()
        progress.take(line)
    return progress.total


def test_the_growth_of_a_number_counts() -> None:
    frames = ("frame=   10 fps=5", "noise", "frame=   25 fps=5")
    assert counted(r"frame=\s*(\d+)", *frames) == 15
    assert counted(r"frame=\s*(\d+)", *frames, "frame=    4 fps=5") == 19, "it has begun at zero again"
    assert counted(r"done (\d+)", "done 500", "done 500", restarts=True) == 1000
    assert counted(r"at (\S+)", "at 1", "at nan", "at inf", "at soon", "at 1.5") == 0.5


def test_lines_count_one_each_without_a_group() -> None:
    assert counted("GET /", "GET / GET /", "POST /", "x GET /") == 2
    assert counted("(a)?b", "b", "b") == 0, "a group that holds no number"


@given(st.lists(st.integers(0, 10**6), min_size=1))
def test_a_number_that_only_grows_counts_from_the_first_to_the_last(numbers: list[int]) -> None:
    numbers.sort()
    assert counted(r"n=(\d+)", *(f"n={number}" for number in numbers)) == numbers[-1] - numbers[0]


@given(st.lists(TEXT), st.binary())
def test_lines_are_the_same_however_they_arrive(parts: list[bytes], rest: bytes) -> None:
    whole = b"".join(parts) + rest
    pieces, at_once = Lines(), Lines()
    assert [line for part in (*parts, rest) for line in pieces.take(part)] == at_once.take(whole)


@given(TEXT)
def test_no_line_is_longer_than_what_is_looked_at(data: bytes) -> None:
    lines = Lines().take(data + b"\n")
    expected = data.replace(b"\r", b"\n").split(b"\n")
    assert lines == [line[:LINE_BYTES].decode(errors="replace") for line in expected]
    assert all(len(line) <= LINE_BYTES for line in lines)
