"""The head and the end of what runs of settings show."""

from __future__ import annotations

from pathlib import Path

import pytest

from colocate.model.quality import QualityFlag
from colocate.report.text import settings
from colocate.report.text.tables import console
from tests.study.test_plan import facts


def test_a_page_names_the_run_the_machine_and_the_trials() -> None:
    title, _, words, _ = settings.markdown_head(Path("a/my_run"), facts(cpu_model="Some CPU"), 1, 2)
    assert (title, words) == (r"# colocate: run my\_run", "Some CPU, 1 of 2 trials.")


def test_choices_and_warnings_are_lines_of_a_page() -> None:
    lines = settings.markdown_choices("Best for <it>", [("a_b", "batch 1"), ("c", "none")])
    assert lines == [r"## Best for \<it\>", "", r"- **a\_b**: batch 1", "- **c**: none", ""]
    assert settings.markdown_warnings([]) == []
    flag = QualityFlag.THROTTLED
    assert settings.markdown_warnings([flag, flag])[1:] == [f"- {flag.value}: {flag.remedy}"]


def test_what_all_settings_share_is_said_once() -> None:
    assert settings.shared_parts([("fp32", "batch 1"), ("fp32", "batch 2")]) == {"fp32"}
    assert settings.shared_parts([]) == frozenset()


def test_the_terminal_has_a_head_an_end_and_a_choice(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    out = console()
    settings.print_head(out, facts(cpu_model="Some CPU"), 1, 2, {"fp32", "batch 1"})
    settings.print_end(out, "repeats", "x.csv", {QualityFlag.THROTTLED: "(1)"}, [True, False], narrow=True)
    settings.print_choices(out, "Best for it", [("net", "batch 1")])
    head, _, over, warning, failed, _, heading, choice = capsys.readouterr().out.splitlines()
    assert head == "Some CPU; 1 of 2 trials, batch 1, fp32"
    assert over == "± is half a 95 % interval over repeats. Those of the other quantities are in x.csv."
    assert warning.startswith("(1) throttled: ") and failed == "1 of 2 settings failed: see x.csv"
    assert (heading, choice) == ("Best for it:", "  net: batch 1")
    settings.print_end(out, "seeds", "x.csv", {}, [False], narrow=False)
    assert capsys.readouterr().out == "± is half a 95 % interval over seeds.\n"
