"""Flags that say what makes one setting better than another."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from colocate.cli import parser
from colocate.commands.aim import aim_of
from colocate.errors import SpecError
from colocate.model.purpose import Aim


@pytest.mark.parametrize(
    ("flags", "aim"),
    [
        ([], {}),
        (["--latency-limit-ms", "30"], {"latency_limit_s": 0.03}),
        (["--percentile", "p50", "--utility", "fading"], {"quantile": "p50_s", "utility": "fading"}),
    ],
)
@pytest.mark.parametrize("command", [["efficiency"], ["report", "run"]])
def test_what_is_not_given_stays_as_the_run_has_it(
    command: list[str], flags: list[str], aim: Mapping[str, object]
) -> None:
    found = aim_of(parser().parse_args([*command, *flags]))
    assert found == pytest.approx(aim) if "latency_limit_s" in aim else found == aim
    assert found.keys() <= Aim.__dataclass_fields__.keys()


@pytest.mark.parametrize("text", ["-3", "0", "nan", "inf", "soon", "--", "1_0"])
def test_a_limit_is_a_positive_number(text: str) -> None:
    with pytest.raises(SpecError, match="a limit is a positive number of milliseconds, not "):
        parser().parse_args(["efficiency", f"--latency-limit-ms={text}"])


def test_the_quantile_of_limits_is_another_flag_than_that_of_an_aim() -> None:
    assert vars(parser().parse_args(["sweep", "--percentile", "0.99"]))["percentile"] == "0.99"
    assert aim_of(parser().parse_args(["sweep", "--percentile", "0.99"])) == {}
