"""How long windows must be where they hold too few samples for a percentile."""

from __future__ import annotations

import dataclasses

from colocate.model.quality import QualityFlag
from colocate.report.text.window_length import window_words
from tests.report.drawn import cell, header

P95, P99 = QualityFlag.TOO_FEW_FOR_P95, QualityFlag.TOO_FEW_FOR_P99


def test_a_window_of_twice_the_samples_is_named() -> None:
    slow = cell(p50_s=0.1, warnings=(P95, P99))
    steady, alternating = slow, dataclasses.replace(slow, alternating=True)
    assert window_words(header(), [steady], [P95]) == "About --window 15 would give each of these windows enough."
    assert "--window 36 " in window_words(header(), [steady, alternating], [P95])
    assert "--window 184 " in window_words(header(), [alternating], [P95, P99])


def test_nothing_is_named_that_is_not_known() -> None:
    slow = cell(p50_s=0.1, warnings=(P95,))
    fast = dataclasses.replace(slow, p50_s=0.001)
    model = header(virtual_time=True)
    for of, each, warnings in (
        (header(), fast, [P95]),
        (header(), slow, [P99]),
        (header(), dataclasses.replace(slow, p50_s=None), [P95]),
        (model, slow, [P95]),
    ):
        assert window_words(of, [each], warnings) == ""
