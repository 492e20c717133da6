"""The statistics of a window: what its latencies tell, worked out once."""

from __future__ import annotations

import numpy as np
import pytest

from colocate.model.trial import FloatArray
from colocate.study import reader as module
from colocate.study.reader import Reader
from colocate.study.stats import sample_quantile
from colocate.study.windows import energies_j
from tests.study.measured import metered
from tests.study.truth import record, trial


def test_a_tail_is_told_where_it_is_known_and_a_median_always() -> None:
    random = np.random.default_rng(1)
    few, many = random.lognormal(size=5), random.lognormal(size=4000)
    reader = Reader(0.95)
    assert reader.statistics(np.empty(0)) == {}
    assert reader.statistics(few) == {"p50": sample_quantile(few, 0.5), "mean": few.mean()}
    assert [*reader.statistics(many)] == ["p50", "p95", "p99", "mean"]
    assert reader.statistics(many)["p99"] == sample_quantile(many, 0.99)


def test_each_window_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def sampled(latencies: FloatArray, q: float) -> float:
        asked.append(len(latencies))
        return sample_quantile(latencies, q)

    monkeypatch.setattr(module, "sample_quantile", sampled)
    reader = Reader(0.95)
    for length in (3, 4):
        window = np.ones(length)
        assert reader.statistics(window) is reader.statistics(window)
    assert asked == [3, 4], "though the second may lie where the first did"


def test_the_meters_of_a_window_are_read_once() -> None:
    window = metered(record(trial(0, None), np.ones(3)))
    reader = Reader(0.95)
    assert reader.energies_j(window) is reader.energies_j(window)
    assert reader.energies_j(window) == energies_j(window) != reader.energies_j(record(trial(1, None), np.ones(3)))
