from __future__ import annotations

from colocate.model.limits import Limits
from colocate.request.limit_keys import make_limits


def test_limits_that_are_given_take_the_place_of_the_studys() -> None:
    study = Limits(slo_s=0.03, percentile="p99", confidence=0.9)
    assert make_limits({}, study) == study
    assert make_limits({"max_slowdown": 1.2}, study) == Limits(max_slowdown=1.2, percentile="p99", confidence=0.9)
    assert make_limits({"percentile": "p50"}, study) == Limits(slo_s=0.03, percentile="p50", confidence=0.9)
    assert make_limits({"slo_ms": None}) is None
