"""The branch stressors: what they search, and whether they notice a missed hit."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("cpu_workloads._kernels", reason="the C kernels are not built")

from cpu_workloads.stressor import StressorError
from cpu_workloads.stringsearch import Stringsearch, StringsearchScan, occurrences, pairs, prose, records

KERNEL = "cpu_workloads.stringsearch.stringsearch"
FIRST_LEVEL_CACHE_BYTES = 32 * 1024


def test_the_searches_have_mibench_s_shape() -> None:
    searches = pairs(random.Random(7), count=1332, hits=1013, text_lengths=(3, 56))
    patterns, longest = [len(pattern) for pattern, _ in searches], max(len(text) for _, text in searches)
    assert len(searches) == 1332
    assert sum(pattern in text for pattern, text in searches) == 1013
    assert min(patterns) >= 1 and max(patterns) <= 12 and longest <= 56
    assert 3.5 < sum(patterns) / 1332 < 4.5
    assert 26 < sum(len(text) for _, text in searches) / 1332 < 32


def test_the_searches_come_from_the_seed() -> None:
    first, again, other = (pairs(random.Random(seed), count=20, hits=10, text_lengths=(3, 56)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


@given(st.integers(0, 10), st.integers(0, 10), st.integers(0, 2**32 - 1))
def test_exactly_as_many_patterns_are_found_as_asked_for(hits: int, misses: int, seed: int) -> None:
    searches = pairs(random.Random(seed), count=hits + misses, hits=hits, text_lengths=(3, 20))
    assert len(searches) == hits + misses
    assert sum(pattern in text for pattern, text in searches) == hits
    assert all(3 <= len(text) <= 20 for _, text in searches)


def test_hits_and_misses_are_mixed() -> None:
    found = [pattern in text for pattern, text in pairs(random.Random(3), 200, 100, (3, 56))]
    assert 30 < sum(found[:100]) < 70


def test_prose_is_mostly_e_and_spaces() -> None:
    text = prose(random.Random(1), 20_000)
    assert len(text) == 20_000
    assert 0.15 < text.count(b" ") / len(text) < 0.20
    assert 0.09 < text.count(b"e") / len(text) < 0.12
    assert set(text) <= set(b" abcdefghijklmnopqrstuvwxyz")


def test_a_record_is_two_lengths_a_pattern_and_a_text() -> None:
    packed = records([(b"ab", b"cab"), (b"x", b"")])
    assert packed == struct.pack("=II", 2, 3) + b"abcab" + struct.pack("=II", 1, 0) + b"x"
    assert records([]) == b""


@pytest.mark.parametrize(
    ("pattern", "text", "count"), [(b"aa", b"aaaa", 3), (b"ab", b"abab", 2), (b"ab", b"", 0), (b"abc", b"ab", 0)]
)
def test_occurrences_may_overlap(pattern: bytes, text: bytes, count: int) -> None:
    assert occurrences(pattern, text) == count


@pytest.mark.parametrize(("make", "passes"), [(Stringsearch, 16), (StringsearchScan, 48)])
def test_sound_work_verifies(make: type[Stringsearch], passes: int) -> None:
    stressor = make()
    assert stressor.step() == stressor.step() == passes
    stressor.verify()


@pytest.mark.parametrize("make", [Stringsearch, StringsearchScan])
@pytest.mark.parametrize("off", [-1, 1])
def test_a_missed_and_a_made_up_hit_are_found(
    make: type[Stringsearch], off: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stressor = make(passes_per_step=2)
    hits = stressor.facts()["hits_per_pass"]
    assert isinstance(hits, int)
    monkeypatch.setattr(KERNEL, lambda _records, passes, _first_only: hits * passes + off)
    stressor.step()
    said = f"{make.name}: {2 * hits + off} hits in 2 passes, not {hits} in each"
    with pytest.raises(StressorError, match=said) as failed:
        stressor.verify()
    assert failed.value.exit_code == 1


def test_only_the_scan_goes_on_after_the_first_hit(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def kernel(_records: bytes, _passes: int, first_only: bool) -> int:
        asked.append(first_only)
        return 0

    monkeypatch.setattr(KERNEL, kernel)
    Stringsearch().step()
    StringsearchScan().step()
    assert asked == [True, False]


def test_what_a_reader_must_know() -> None:
    short, scan = Stringsearch().facts(), StringsearchScan().facts()
    assert (short["unit"], short["hits_per_pass"]) == ("passes", 1013)
    assert "departs_from_mibench" not in short and "longer texts" in str(scan["departs_from_mibench"])
    # Of 24 patterns 18 occur, some of them more than once in a thousand characters.
    assert isinstance(scan["hits_per_pass"], int) and scan["hits_per_pass"] > 18
    assert isinstance(scan["footprint_bytes"], int) and scan["footprint_bytes"] < FIRST_LEVEL_CACHE_BYTES
