"""What a comparison can show, and what it could not have shown: in sentences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from colocate.model.limits import Quantity
from colocate.report.compare.load import Compared, compare_runs
from colocate.report.compare.markdown import comparison_markdown
from colocate.report.compare.to_json import comparison_json
from colocate.report.compare.words import change_rows, sentences, verdict_words
from colocate.study.comparison import compare
from tests.report.compare.runs import run
from tests.study.tables import COLOCATED, SOLO, evidence

P50, POWER = Quantity.LATENCY_P50, Quantity.POWER
STEADY = np.array([1.0, 1.001, 0.999])


def test_what_could_not_have_been_shown_is_counted(tmp_path: Path) -> None:
    a, b = run(tmp_path / "a"), run(tmp_path / "b")
    blind = {}
    for allowed in (0.0, 0.001, 10.0):
        found = compare_runs(a, b, allowed, 0.95)
        blind[allowed] = comparison_json(found)["blind"]
        said = f"In {blind[allowed]} of {len(found.comparison.changes)} changes a regression of {100 * allowed:g} % "
        assert (said + "could not have been told from none." in comparison_markdown(found)) == (blind[allowed] > 0)
    # The latencies scatter by 1 %, in the slowdowns nothing does.
    assert blind[0.0] == blind[10.0] == 0 < blind[0.001] < len(found.comparison.changes)


def compared(allowed: float = 0.0) -> Compared:
    """The network alone twice as slow, its power half beside a task, and a task in one run alone."""
    before = [evidence(SOLO[0], {P50: STEADY}), evidence(COLOCATED[0], {POWER: 8 * STEADY})]
    after = [evidence(SOLO[0], {P50: 2 * STEADY}), evidence(COLOCATED[0], {POWER: 4 * STEADY})]
    more = [evidence(COLOCATED[1], {P50: STEADY})]
    return Compared(compare([*before, *more], after, allowed), ("kernel was 5 and is 6",), ("A note.",))


def test_regressions_come_first_with_how_much_they_are() -> None:
    worse, better = [row for _, row in change_rows(compared().comparison)]
    assert (worse[0], worse[1], worse[4], worse[-1]) == ("alexnet", "none", "p50 latency", "worse")
    assert (better[1], better[4], better[-1]) == ("bitcount", "power", "better")
    assert worse[5].startswith("2.000 [1.99") and better[5].startswith("0.500 [0.49")


@pytest.mark.parametrize(
    ("allowed", "words"),
    [
        (0.0, "1 regression, 1 improvement among 2 changes looked at"),
        (0.05, "1 regression beyond 5 %, 1 improvement among 2 changes looked at"),
        (5.0, "0 regressions beyond 500 %, 1 improvement among 2 changes looked at"),
    ],
)
def test_the_verdict_in_a_line(allowed: float, words: str) -> None:
    assert verdict_words(compared(allowed).comparison) == words


def test_what_a_comparison_promises_and_what_else_differs() -> None:
    first, smallest, missing, note, differs = sentences(compared())
    assert "is at most 5 %: intervals are widened for 2 changes (Bonferroni)." in first
    assert smallest.startswith("A change is told from about 0.")
    assert missing == "1 cell is only in the run before: alexnet beside jpeg at 1e-06/1e-06 MHz (CPU/GPU)."
    assert (note, differs) == ("A note.", "Differs: kernel was 5 and is 6.")
