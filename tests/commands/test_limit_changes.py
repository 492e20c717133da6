"""The limits of a run, overridden from the command line."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from colocate.cli import parser
from colocate.commands.limit_changes import limit_changes
from colocate.commands.study_flags import LIMIT_FLAGS
from colocate.errors import SpecError
from colocate.model.limits import Limits
from colocate.request.limit_keys import LimitChanges

VALUES = {
    "slo_ms": "28", "max_slowdown": "1.5", "percentile": "99", "power_budget_w": "7", "max_work_loss": "0.1",
    "confidence": "0.9",
}  # fmt: skip
OWN = Limits(0.03, 1.2, "p95", 9.0, 0.5, 0.95)


def changed(command: str, *flags: str) -> LimitChanges:
    return limit_changes(parser().parse_args([command, "run", *flags]))


@pytest.mark.parametrize(("one", "other"), [*itertools.permutations(LIMIT_FLAGS, 2)])
@pytest.mark.parametrize("command", ["advise", "report"])
def test_one_limit_that_is_overridden_keeps_the_others(command: str, one: str, other: str) -> None:
    found = changed(command, f"--{one.replace('_', '-')}", VALUES[one]).over(OWN)
    field = {"slo_ms": "slo_s"}
    assert getattr(found, field.get(other, other)) == getattr(OWN, field.get(other, other))
    assert getattr(found, field.get(one, one)) != getattr(OWN, field.get(one, one))


@pytest.mark.parametrize("word", ["slo-ms", "slo_ms", "--slo-ms"])
def test_a_limit_is_dropped_by_its_name(word: str) -> None:
    found = changed("advise", f"--without={word}", "--without", "max-work-loss")
    assert found == LimitChanges({}, ("slo_ms", "max_work_loss"))


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("foo", "--without: unknown limit 'foo'; give one of slo-ms, max-slowdown, power-budget-w, max-work-loss"),
        ("slo_mss", "--without: unknown limit 'slo-mss'; did you mean 'slo-ms'?"),
        ("percentile", "--without: unknown limit 'percentile'; give one of slo-ms, max-slowdown, "),
    ],
)
@pytest.mark.parametrize("command", ["advise", "report"])
def test_what_cannot_be_dropped_is_refused_as_the_help_spells_it(command: str, word: str, said: str) -> None:
    with pytest.raises(SpecError) as failed:
        changed(command, "--without", word)
    assert str(failed.value).startswith(said)


def test_without_a_flag_nothing_changes() -> None:
    assert changed("report") == LimitChanges()
    assert limit_changes(parser().parse_args(["efficiency"])) == LimitChanges()


def test_help_says_that_a_run_keeps_its_limits(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["advise", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert said.count("(default: the run's own)") == len(LIMIT_FLAGS) and "(default: keep all)" in said
