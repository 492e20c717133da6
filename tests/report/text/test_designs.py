"""Which windows numbers come from, in words."""

from __future__ import annotations

import dataclasses

import pytest

from colocate.model.quality import QualityFlag
from colocate.report.text.captions import caption_of
from colocate.report.text.designs import design_sentences, differing_words, slowdown_phrases, steady_phrases
from tests.report.alternated import CELLS, alternated, alternating
from tests.report.drawn import header


def test_a_steady_run_says_nothing_of_designs() -> None:
    assert slowdown_phrases(header(), []) == ("windows of 2 s",)
    assert steady_phrases(header(), []) == ()
    assert design_sentences(header(), CELLS, []) == ()
    assert caption_of(header(), CELLS, []).of_steady_windows == caption_of(header(), CELLS, [])


def test_an_alternating_run_names_windows_and_segments() -> None:
    of, cells, records = alternated()
    assert slowdown_phrases(of, records) == ("alternating windows of 0.9 s", "task paused or resumed every 100 ms")
    assert steady_phrases(of, records) == ("2 to 3 repeats", "steady windows of 2 s")
    caption = caption_of(of, cells, records)
    assert caption.circumstances[:3] == (
        "5 repeats",
        "alternating windows of 0.9 s",
        "task paused or resumed every 100 ms",
    )
    assert caption.of_steady_windows.circumstances[:2] == ("2 to 3 repeats", "steady windows of 2 s")
    assert caption.circumstances[3:] == caption.of_steady_windows.circumstances[2:]


def test_segments_are_given_to_two_digits_and_from_the_shortest_to_the_longest() -> None:
    of, *_ = alternated()
    windows = [alternating(0, segment_s) for segment_s in (0.10012, 0.34691)]
    assert slowdown_phrases(of, windows) == (
        "alternating windows of 0.9 to 3.1 s",
        "task paused or resumed every 100 to 350 ms",
    )


def test_before_the_first_window_segments_are_not_known() -> None:
    of, *_ = alternated()
    assert slowdown_phrases(of, []) == ("alternating windows of 2 s",)
    assert steady_phrases(of, []) == ("0 repeats", "steady windows of 2 s")


@pytest.mark.parametrize("rails", [(), ("VDD_IN",)])
def test_sentences_say_which_numbers_are_from_which_windows(rails: tuple[str, ...]) -> None:
    of, cells, records = alternated(rails=rails)
    first, *others = design_sentences(of, cells, records)
    assert first == (
        "Slowdown and work lost come from alternating windows, each 0.9 s long, "
        "in which the task is paused or resumed every 100 ms."
    )
    metered = ["Power, energy and temperature come from steady windows, each 2 s long."] if rails else []
    assert others == [*metered, "Beside uplink, not to be paused, all numbers come from steady windows."]


def test_cells_whose_designs_differ_are_named() -> None:
    of, (solo, jpeg, uplink), records = alternated()
    differs = dataclasses.replace(jpeg, warnings=(QualityFlag.ALTERNATION_DIFFERS,))
    *_, last = design_sentences(of, [solo, differs, uplink], records)
    words = "alexnet beside jpeg at native clocks"
    assert last == f"Alternating and steady windows disagree beyond chance, and the steady ones count: {words}."
    assert differing_words([differs] * 7) == ", ".join([words] * 5) + " and 2 more"
    failed = dataclasses.replace(jpeg, warnings=(QualityFlag.TRIALS_FAILED,), alternating=False)
    steady_windows = [record for record in records if not record.trial.alternating]
    said = design_sentences(of, [solo, failed, uplink], steady_windows)
    assert said == (
        "Beside uplink, not to be paused, all numbers come from steady windows.",
        f"No alternating window succeeded, and steady windows count: {words}.",
    )
    shared = dataclasses.replace(jpeg, placement="shared")
    assert differing_words([differs, shared]) == "alexnet beside jpeg, isolated, at native clocks"
