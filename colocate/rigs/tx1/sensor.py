"""What an INA3221 power monitor shows of the energy that was spent."""

from __future__ import annotations

import math

import numpy as np

from colocate.model.trial import FloatArray, PowerTrace
from colocate.rigs.tx1.constants import Constants
from colocate.rigs.tx1.leaky_sum import leaky_sum
from colocate.rigs.tx1.power import RAILS

READINGS_MAX = 500
"""The most readings of one window: a longer window is read less often."""

# Computed steps of the filter per reading. Its own steps are finer, which no reading shows.
_STEPS = 4


def shown(
    begins_s: FloatArray, latencies_s: FloatArray, inference_j: FloatArray, resting_w: FloatArray,
    elapsed_s: float, constants: Constants,
) -> PowerTrace:  # fmt: skip
    """Return the readings in a window of `elapsed_s`, in which inferences of `latencies_s` (n,) start at `begins_s`
    (n,).

    `resting_w` (rails,) is drawn throughout. Each inference adds `inference_j` (m, rails), the energy up to
    equidistant moments, stretched with its latency. The monitor shows a running average, which approaches a step with
    exp(-t / sensor_tau_s), in whole steps of its converter.
    """
    c = constants
    period_s = max(c.sensor_period_s, elapsed_s / READINGS_MAX)
    step_s = period_s / _STEPS
    steps = max(1, int(elapsed_s / period_s)) * _STEPS
    edges_s = np.linspace(0.0, steps * step_s, steps + 1)
    spent_j = _spent_j(edges_s, begins_s, latencies_s, inference_j)
    power_w: FloatArray = np.asarray(resting_w + np.diff(spent_j, axis=0) / step_s)
    weight = -math.expm1(-step_s / c.sensor_tau_s)
    # The weight of each step in the average at the end of its reading.
    left = weight * (1 - weight) ** np.arange(_STEPS - 1.0, -1.0, -1.0)
    fed_w = (power_w.reshape(-1, _STEPS, len(RAILS)) * left[:, np.newaxis]).sum(axis=1)
    # The load began long before the window: the average starts at its mean.
    rails = zip(fed_w.T, power_w.mean(axis=0).tolist(), strict=True)
    averaged = np.stack([leaky_sum(own_w, (1 - weight) ** _STEPS, mean_w) for own_w, mean_w in rails], axis=1)
    least_w = np.array([c.board_lsb_w if rail == "VDD_IN" else c.rail_lsb_w for rail in RAILS])
    quantised: FloatArray = np.round(averaged / least_w) * least_w
    return PowerTrace(edges_s[_STEPS::_STEPS], quantised, RAILS, period_s)


def _spent_j(
    moments_s: FloatArray, begins_s: FloatArray, latencies_s: FloatArray, inference_j: FloatArray
) -> FloatArray:
    """Return the energy in J that inferences spent from the window's beginning to each of `moments_s` (m,): (m,
    rails).
    """
    if not len(begins_s):
        return np.zeros((len(moments_s), len(RAILS)))
    current = np.searchsorted(begins_s, moments_s, side="right") - 1
    phase = np.clip((moments_s - begins_s[current]) / latencies_s[current], 0.0, 1.0)
    finished = np.concatenate([[0.0], np.cumsum(latencies_s)])[current] / latencies_s.mean()
    stretch = latencies_s[current] / latencies_s.mean()
    grid = np.linspace(0.0, 1.0, len(inference_j))
    rails = [finished * spent[-1] + stretch * np.interp(phase, grid, spent) for spent in inference_j.T]
    return np.stack(rails, axis=1)
