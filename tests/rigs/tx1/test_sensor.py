from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocate.rigs.tx1.constants import Constants
from colocate.rigs.tx1.sensor import shown
from colocate.study.stats import integrate

C = Constants()
RESTING_W = np.array([4.0, 0.5, 1.0])


def energy_j(total_j: float, busy_from: float) -> np.ndarray:
    """All spent evenly on each rail in the part of an inference after `busy_from`."""
    phase = np.linspace(0.0, 1.0, 257)
    return np.outer(np.clip((phase - busy_from) / (1 - busy_from), 0, 1) * total_j, np.ones(3))


@settings(max_examples=25, deadline=None)
@given(st.floats(0.005, 0.5), st.floats(0.1, 3.0), st.floats(0.0, 0.9))
def test_the_readings_integrate_to_the_energy_spent(latency_s: float, mean_w: float, busy_from: float) -> None:
    latencies = np.full(max(60, int(10 / latency_s)), latency_s)
    elapsed_s = float(latencies.sum())
    spent_j = energy_j(mean_w * latency_s, busy_from)
    trace = shown(np.cumsum(latencies) - latencies, latencies, spent_j, RESTING_W, elapsed_s, C)
    found_w = integrate(trace.t_s, trace.power_w, 0.0, elapsed_s) / elapsed_s
    # Half a step of the converter, and readings that fall in step with the inferences see the same phases each time.
    assert found_w == pytest.approx(RESTING_W + mean_w, abs=0.15)


def test_the_filter_flattens_what_is_shorter_than_itself_and_shows_what_is_longer() -> None:
    def swing_w(latency_s: float) -> float:
        latencies = np.full(100, latency_s)
        begins = np.cumsum(latencies) - latencies
        spent_j = energy_j(2.0 * latency_s, 0.5)
        trace = shown(begins, latencies, spent_j, RESTING_W, float(latencies.sum()), C)
        return float(np.ptp(trace.power_w[10:, 0]))

    assert swing_w(0.01) < 0.5
    assert swing_w(1.0) > 3.5


def test_readings_come_in_steps_of_the_converter() -> None:
    trace = shown(np.empty(0), np.empty(0), np.zeros((2, 3)), RESTING_W, 2.0, C)
    for rail, least_w in enumerate((C.board_lsb_w, C.rail_lsb_w, C.rail_lsb_w)):
        steps = trace.power_w[:, rail] / least_w
        assert np.allclose(steps, np.round(steps))
    assert len(trace.t_s) == 100
    assert trace.sensor_period_s == C.sensor_period_s
