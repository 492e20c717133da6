from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.host.cpus.cpu_list import parse_cpu_list


@given(st.sets(st.integers(0, 200)))
def test_the_kernels_cpu_lists_are_read(cpus: set[int]) -> None:
    assert parse_cpu_list(",".join(map(str, cpus)) + "\n") == tuple(sorted(cpus))


@st.composite
def kernel_lists(draw: st.DrawFn) -> tuple[str, tuple[int, ...]]:
    """A list as a kernel writes it (`%*pbl`: rising, ranges as long as can be), and its CPUs."""
    cpus, words, next_cpu = list[int](), list[str](), 0
    for gap, more in draw(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=9)):
        first, last = next_cpu + gap, next_cpu + gap + more
        words.append(f"{first}-{last}" if more else f"{first}")
        cpus += range(first, last + 1)
        next_cpu = last + 2
    return ",".join(words) + "\n", tuple(cpus)


@given(kernel_lists())
def test_what_the_kernel_writes_is_read(written: tuple[str, tuple[int, ...]]) -> None:
    text, cpus = written
    assert parse_cpu_list(text) == cpus


@given(st.text(alphabet="0123456789-, \n", max_size=12))
def test_every_other_text_is_refused(text: str) -> None:
    """Whatever is read has a number at both ends of each part, in order, and nothing else."""
    try:
        cpus = parse_cpu_list(text)
    except ValueError:
        return
    parts = [part.split("-") for part in text.strip().split(",")] if text.strip() else []
    assert all(len(part) <= 2 and all(end.isdigit() for end in part) for part in parts), text
    assert {*cpus} == {cpu for part in parts for cpu in range(int(part[0]), int(part[-1]) + 1)}


@given(kernel_lists(), st.sampled_from((",", "-", ",,0", "-,0", "--1", "x", " 0", ", 0")))
def test_a_list_that_goes_on_wrongly_is_refused(written: tuple[str, tuple[int, ...]], rest: str) -> None:
    with pytest.raises(ValueError, match="invalid"):
        parse_cpu_list((written[0].strip() or "0") + rest)


def test_ranges_of_cpus_are_read() -> None:
    assert parse_cpu_list("0-2,5,7-8\n") == (0, 1, 2, 5, 7, 8)
    assert parse_cpu_list("\n") == (), "as the kernel writes none"
    for text in ("0-x", "1_0", "\u0661", "0--1", "0-", "-1", "3-1", "0,,1", "0,"):
        with pytest.raises(ValueError, match="invalid"):
            parse_cpu_list(text)
