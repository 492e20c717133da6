from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from colocate.rigs.tx1.constants import Constants
from colocate.rigs.tx1.noise import generator, latencies_s

C = Constants()


def test_latencies_follow_one_another_around_the_prediction() -> None:
    calm = dataclasses.replace(C, tail_share=0.0)
    found = np.log(latencies_s(0.1, 50_000, generator("a"), calm) / 0.1)
    assert found.mean() == pytest.approx(0, abs=2e-4)
    assert found.std() == pytest.approx(C.jitter_ratio, rel=0.05)
    assert np.corrcoef(found[1:], found[:-1])[0, 1] == pytest.approx(C.jitter_memory, abs=0.03)


def test_the_tail_is_rare_and_long() -> None:
    found = latencies_s(0.1, 50_000, generator("b"), C)
    far = found > 0.1 * (1 + 6 * C.jitter_ratio)
    assert 0.3 * C.tail_share < far.mean() < 1.2 * C.tail_share
    assert found.max() > 0.1 * (1 + 3 * C.tail_ratio)
