from __future__ import annotations

import numpy as np
import pytest

from colocate.rigs.tx1.presence import Presence

PRESENCE = Presence(np.array([0.0, 1.0, 3.0, 4.0]), np.array([True, False, True]))


def test_it_runs_from_edge_to_edge() -> None:
    assert PRESENCE.at(np.array([0.5, 1.5, 2.5, 3.5])).tolist() == [True, False, False, True]


def test_a_quick_machine_feels_what_is_there() -> None:
    assert PRESENCE.felt(np.array([0.5, 1.5, 3.5]), 0.0).tolist() == [1, 0, 1]


def test_a_slow_machine_begins_with_the_mean_and_follows() -> None:
    felt = PRESENCE.felt(np.array([0.0, 0.999, 1.0, 2.999, 3.0, 4.0]), 0.5)
    assert felt[0] == pytest.approx(0.5)
    assert felt[1] == pytest.approx(1 - 0.5 * np.exp(-2), abs=1e-3) and felt[2] == pytest.approx(felt[1], abs=1e-2)
    assert felt[3] == pytest.approx(felt[2] * np.exp(-4), abs=1e-2) and felt[3] < felt[5] < 1
    # Of what changes faster than it answers it feels the mean.
    assert PRESENCE.felt(np.array([0.5, 2.0, 3.5]), 1000.0) == pytest.approx([0.5] * 3, abs=0.01)
