"""The C kernels against Python's own count and search."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("cpu_workloads._kernels", reason="the C kernels are not built")

from cpu_workloads import _kernels
from cpu_workloads.bitcount import WORD_STEP
from cpu_workloads.stringsearch import occurrences, records

# A small alphabet, so that patterns occur, repeat and overlap.
texts = st.binary(max_size=60).map(lambda raw: bytes(b"ab\x00\xff"[byte % 4] for byte in raw))


@given(seed=st.integers(0, 2**32 - 1), iterations=st.integers(0, 50))
def test_all_seven_ways_count_the_ones_of_every_word(seed: int, iterations: int) -> None:
    expected = sum(((seed + WORD_STEP * i) % 2**32).bit_count() for i in range(iterations))
    assert _kernels.bitcount(seed, iterations) == (expected,) * 7


@pytest.mark.parametrize("word", [0, 1, 2**31, 2**32 - 1, 0xF0F0F0F0])
def test_extreme_words(word: int) -> None:
    assert _kernels.bitcount(word, 1) == (word.bit_count(),) * 7


@given(searches=st.lists(st.tuples(texts.filter(bool), texts), max_size=5), passes=st.integers(0, 3))
def test_search_agrees_with_python(searches: list[tuple[bytes, bytes]], passes: int) -> None:
    packed = records(searches)
    found = sum(pattern in text for pattern, text in searches)
    every = sum(occurrences(pattern, text) for pattern, text in searches)
    assert _kernels.stringsearch(packed, passes, True) == passes * found
    assert _kernels.stringsearch(packed, passes, False) == passes * every


@given(cut=st.integers(1, 20))
def test_a_record_cut_short_is_refused(cut: int) -> None:
    packed = records([(b"pattern", b"text with a pattern")])
    with pytest.raises(ValueError, match="cut short"):
        _kernels.stringsearch(packed[:-cut], 1, True)


def test_an_empty_pattern_is_refused() -> None:
    with pytest.raises(ValueError, match="empty pattern"):
        _kernels.stringsearch(records([(b"", b"text")]), 1, True)


def test_a_kernel_lets_other_threads_run() -> None:
    entered, left = threading.Event(), threading.Event()

    def work() -> None:
        entered.set()
        _kernels.bitcount(1, 4_000_000)
        left.set()

    thread = threading.Thread(target=work)
    thread.start()
    entered.wait()
    looks = 0
    while not left.is_set():
        looks += 1
        time.sleep(0.001)
    thread.join()
    # With the interpreter's lock held, this thread would look once before the kernel and once after it.
    assert looks > 3
