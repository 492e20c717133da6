"""Lists of CPUs in words."""

from __future__ import annotations

import pytest

from colocate.model.number_ranges import number_ranges


@pytest.mark.parametrize(("cpus", "words"), [((0, 1, 2, 3, 8), "0-3,8"), ((5,), "5"), ((2, 0), "0,2"), ((), "")])
def test_lists_of_cpus_are_written_as_kernels_do(cpus: tuple[int, ...], words: str) -> None:
    assert number_ranges(cpus) == words
    assert number_ranges(cpus, ", ") == words.replace(",", ", ")
