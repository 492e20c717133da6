"""The recursion is the filter that it stands for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from colocate.rigs.tx1.leaky_sum import leaky_sum


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9048374180359595])
@pytest.mark.parametrize("n", [0, 1, 1000])
def test_it_is_a_filter_of_first_order(kept: float, n: int) -> None:
    values = np.random.default_rng(1).standard_normal(n)
    filtered = lfilter([1.0], [1.0, -kept], values) if n else values
    assert leaky_sum(values, kept) == pytest.approx(filtered, rel=1e-12, abs=1e-15)


def test_it_begins_with_what_was_before() -> None:
    assert leaky_sum(np.array([1.0, 0.0]), 0.5, before=4.0).tolist() == [3.0, 1.5]
