"""Flags that say what makes one setting better than another."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from colocate.cli import parser
from colocate.commands.aim import aim_of, utility_of
from colocate.errors import SpecError
from colocate.model.purpose import Aim


@pytest.mark.parametrize(
    ("flags", "aim"),
    [
        ([], {}),
        (["--slo-ms", "30"], {"latency_limit_s": 0.03}),
        (["--percentile", "0.95", "--utility", "fading"], {"quantile": "p95_s", "utility": "fading"}),
    ],
)
@pytest.mark.parametrize("command", [["efficiency"], ["report", "run"]])
def test_what_is_not_given_stays_as_the_run_has_it(
    command: list[str], flags: list[str], aim: Mapping[str, object]
) -> None:
    found = aim_of(parser().parse_args([*command, *flags]))
    assert found == pytest.approx(aim) if "latency_limit_s" in aim else found == aim
    assert found.keys() <= Aim.__dataclass_fields__.keys()


@pytest.mark.parametrize(("text", "said"), [("-3", "must be above 0"), ("0", "above 0"), ("nan", "is not a number")])
def test_a_limit_is_a_positive_number(text: str, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        aim_of(parser().parse_args(["efficiency", f"--slo-ms={text}"]))


def test_a_utility_that_is_not_given_leaves_no_trace() -> None:
    assert utility_of(parser().parse_args(["report", "run"])) == {}
    assert utility_of(parser().parse_args(["report", "run", "--utility", "fading"])) == {"utility": "fading"}
