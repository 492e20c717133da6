"""What a comparison can show, and what it could not have shown: in sentences."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from colocate.model.limits import Quantity
from colocate.report.compare.load import compare_runs
from colocate.report.compare.markdown import comparison_markdown
from colocate.report.compare.to_json import comparison_json
from colocate.report.compare.words import change_rows, explanation, sentences, verdict_words
from colocate.study.comparison import compare
from tests.report.compare.runs import STEADY, compared, run
from tests.study.tables import COLOCATED, evidence


def test_what_could_not_have_been_shown_is_counted(tmp_path: Path) -> None:
    a, b = run(tmp_path / "a"), run(tmp_path / "b")
    blind = {}
    for allowed in (0.0, 0.001, 10.0):
        found = compare_runs(a, b, allowed, 0.95)
        blind[allowed] = comparison_json(found)["blind"]
        said = (
            f"In {blind[allowed]} of {len(found.comparison.changes)} comparisons a regression of {100 * allowed:g} % "
        )
        assert (said + "is too small to show." in comparison_markdown(found)) == (blind[allowed] > 0)
    # The latencies scatter by 1 %, in the slowdowns nothing does.
    assert blind[0.0] == blind[10.0] == 0 < blind[0.001] < len(found.comparison.changes)


def test_regressions_come_first_with_how_much_they_are() -> None:
    worse, better = [row for _, row in change_rows(compared().comparison)]
    assert (worse[0], worse[1], worse[4], worse[-1]) == ("alexnet", "none", "p50 latency", "worse")
    assert (better[1], better[4], better[-1]) == ("bitcount", "power", "better")
    assert worse[5].startswith("2.000 [1.99") and better[5].startswith("0.500 [0.49")


@pytest.mark.parametrize(
    ("allowed", "words"),
    [
        (0.0, "2 comparisons: 1 regression, 1 improvement, 0 neither"),
        (0.05, "2 comparisons: 1 regression beyond 5 %, 1 improvement, 0 neither"),
        (5.0, "2 comparisons: 0 regressions beyond 500 %, 1 improvement, 1 neither"),
    ],
)
def test_the_verdict_in_a_line(allowed: float, words: str) -> None:
    assert verdict_words(compared(allowed).comparison) == words


def test_what_a_comparison_promises_and_what_else_differs() -> None:
    first, smallest, missing, note, differs = sentences(compared())
    assert "is at most 5 %: intervals are widened for 2 comparisons (Bonferroni)." in first
    assert re.fullmatch(r"Half of the comparisons could detect a change as small as 0\.\d+ %\.", smallest)
    assert missing == "1 cell is only in the run before: alexnet beside jpeg at 1e-06/1e-06 MHz (CPU/GPU)."
    assert (note, differs) == ("A note.", "Differs: kernel was 5 and is 6.")


def test_the_largest_regression_is_said_with_its_kind() -> None:
    largest, kind = explanation(compared().comparison)
    assert largest.startswith("Largest regression: alexnet alone, isolated, at ")
    assert "p50 latency 100.0 % higher (" in largest
    assert kind.startswith("Networks are slower alone too")
    assert explanation(compared(5.0).comparison) == [], "no regression, nothing to explain"


def test_a_slowdown_that_grew_is_of_the_tasks() -> None:
    before = [evidence(COLOCATED[0], {Quantity.SLOWDOWN_P50: 1.1 * STEADY})]
    after = [evidence(COLOCATED[0], {Quantity.SLOWDOWN_P50: 1.3 * STEADY})]
    _, kind = explanation(compare(before, after))
    assert kind == "Slowdowns grew: tasks interfere more than before."
