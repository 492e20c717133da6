"""The latencies of a setting: inferences of alternating windows are sorted, and guards are nobody's."""

from __future__ import annotations

import dataclasses

import numpy as np

from colocate.model.cell_key import CellKey
from colocate.model.quality import QualityFlag
from colocate.report.sweep.latencies import latencies_of
from tests.report.alternated import ALONE_S, BESIDE_S, CELLS, STEADY_S, alternated, alternating

SOLO, JPEG, UPLINK = map(CellKey.of_cell, CELLS)


def test_inferences_of_alternating_windows_are_sorted_by_condition() -> None:
    window = alternating(0)
    found = latencies_of(CELLS, [window])
    assert set(found) == {SOLO, JPEG}
    assert set(found[SOLO]) == {ALONE_S} and set(found[JPEG]) == {BESIDE_S}
    assert 0 < len(found[SOLO]) + len(found[JPEG]) < len(window.latencies_s), "guards belong to neither"


def test_steady_windows_stand_beside_them() -> None:
    _, cells, records = alternated()
    found = latencies_of(cells, records)
    assert set(found[JPEG]) == {BESIDE_S, STEADY_S} and np.count_nonzero(found[JPEG] == STEADY_S) == 100
    assert set(found[SOLO]) == {ALONE_S, STEADY_S} and set(found[UPLINK]) == {STEADY_S}


def test_a_cell_that_rests_on_steady_windows_shows_them_alone() -> None:
    _, (solo, jpeg, uplink), records = alternated()
    differs = dataclasses.replace(jpeg, warnings=(QualityFlag.ALTERNATION_DIFFERS,))
    found = latencies_of([solo, differs, uplink], records)
    assert set(found[JPEG]) == set(found[SOLO]) == {STEADY_S}


def test_a_setting_without_an_inference_has_none() -> None:
    empty = dataclasses.replace(alternating(0), latencies_s=np.array([]), conditions=np.array([], np.uint8))
    assert latencies_of(CELLS, [empty]) == {}
