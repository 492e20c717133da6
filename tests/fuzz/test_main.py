"""What a campaign prints at its end."""

from __future__ import annotations

import pytest

from tests.fuzz.__main__ import Tally
from tests.fuzz.inputs import Finding, Outcome


def test_counts_defects_and_the_seed_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    tally = Tally(wanted=5)
    for number, outcome in enumerate((Outcome.ACCEPTED, Outcome.REFUSED, Outcome.HANG, Outcome.HANG)):
        tally.add(Finding("flags", number, outcome, 2, f"colocate: it is wrong {number}", took_s=float(number)))
    tally.print(seed=7)
    said = capsys.readouterr().out
    assert "flags                    refused                             1\n" in said
    assert "flags                    slowest 3.0 s: flags:3\n" in said
    assert "hang, 2 times, as flags:2 (exit code 2):\ncolocate: it is wrong 2\n" in said
    assert said.endswith("seed 7, 4 inputs of 5, 2 defects\n")
