"""How latencies are spread, drawn from a few of them or from many."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tests.report.drawn import cell, draw_all, records_of, texts


@pytest.mark.parametrize("n", [1, 2, 30, 100_000])
def test_distributions_of_any_size(tmp_path: Path, n: int) -> None:
    cells = [cell(task="none", slowdown_p50=None), cell(p99_s=0.016 if n > 500 else None)]
    constant, spread = records_of(cells, n)
    constant = dataclasses.replace(constant, latencies_s=np.full(n, 0.0123))
    draw_all(tmp_path, cells, [constant, spread])
    found = texts(tmp_path / "distributions.svg")
    assert found.count(str(n)) == 2 and ("16.0" in found) == (n > 500)
    # Dots that fall on one another are drawn once: the size does not grow with n.
    assert (tmp_path / "distributions.svg").stat().st_size < 400_000
