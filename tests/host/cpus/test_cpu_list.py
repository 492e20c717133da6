from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.host.cpus.cpu_list import parse_cpu_list


@given(st.sets(st.integers(0, 200)))
def test_the_kernels_cpu_lists_are_read(cpus: set[int]) -> None:
    assert parse_cpu_list(",".join(map(str, cpus)) + "\n") == tuple(sorted(cpus))


def test_ranges_of_cpus_are_read() -> None:
    assert parse_cpu_list("0-2,5,7-8\n") == (0, 1, 2, 5, 7, 8)
    assert parse_cpu_list("\n") == (), "as the kernel writes none"
    for text in ("0-x", "1_0", "\u0661", "0--1", "0-", "-1", "3-1", "0,,1", "0,"):
        with pytest.raises(ValueError, match="invalid"):
            parse_cpu_list(text)
