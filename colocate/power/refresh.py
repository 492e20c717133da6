"""How often a sensor refreshes its value: the period that it declares, else the one seen by watching it."""

from __future__ import annotations

import math
import time

import numpy as np

from colocate.model.trial import FloatArray
from colocate.power.meter import Meter

_POLL_S = 0.0005
_LIMIT_S = 1.0
# Enough to be sure; a fast sensor shows them long before the time is up.
_CHANGES = 40


def refresh_period_s(meter: Meter) -> float | None:
    """Return the refresh period of `meter` in seconds; None if it changed too seldom to tell. Takes a second at most.

    Of several rails, the one that changes most often decides, because a chip refreshes all of its rails.
    """
    if meter.declared_period_s is not None:
        return meter.declared_period_s
    last = list(meter.read())
    changed_s: list[list[float]] = [[] for _ in last]
    end_s = time.monotonic() + _LIMIT_S
    while (now_s := time.monotonic()) < end_s and max(map(len, changed_s)) < _CHANGES:
        for rail, value in enumerate(meter.read()):
            if value != last[rail] and not math.isnan(value):
                last[rail] = value
                changed_s[rail].append(now_s)
        time.sleep(_POLL_S)
    return min((_period_s(np.diff(moments)) for moments in changed_s if len(moments) > 2), default=None)


def _period_s(gaps_s: FloatArray) -> float:
    """Return the period in s of which all `gaps_s` (n,) are whole multiples, apart from noise.

    A value that comes twice in a row makes a gap of two periods. So the lower quartile of the gaps is the first
    guess, which gives the number of periods in each gap.
    """
    counts = np.round(gaps_s / np.quantile(gaps_s, 0.25))
    return float(gaps_s.sum() / counts.sum())
