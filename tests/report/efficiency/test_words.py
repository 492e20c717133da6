"""The choice of a setting in words."""

from __future__ import annotations

import dataclasses

import pytest

from colocate.model.purpose import Aim
from colocate.model.request import ClockPoint, Inference
from colocate.report.efficiency.words import aim_words, setting_parts, setting_words, trade_off_words
from colocate.study.efficiency import Efficiency, Setting
from tests.report.efficiency.settings import PLAIN, ROWS, report_for, rows


@pytest.mark.parametrize(
    ("aim", "words"),
    [
        (Aim(), "most images/s/W"),
        (Aim(0.03), "most images/s/W with a p99 latency of at most 30 ms"),
        (Aim(0.0333, "p50_s"), "most images/s/W with a p50 latency of at most 33.3 ms"),
        (Aim(0.03, power_budget_w=9.0), "most images/s/W with a p99 latency of at most 30 ms, at most 9 W"),
        (Aim(0.03, utility="fading"), "most images/s/W x min(1, 30 ms / p99 latency)"),
    ],
)
def test_what_was_asked_for(aim: Aim, words: str) -> None:
    assert aim_words(aim) == words


def test_a_setting_names_its_clocks_where_they_are_set() -> None:
    assert setting_words(ROWS[1]) == "tensorrt fp16 batch 8, 1734/998.4 MHz"
    native = Efficiency(Setting(Inference("alexnet", "tensor\x1b[1mrt"), ClockPoint()))
    assert setting_words(native) == "tensor\\x1b[1mrt fp32 batch 1"
    assert setting_parts(native)[-1] == "native clocks"


def choice(aim: Aim | None = None, of: tuple[Efficiency, ...] = ROWS) -> str:
    report = report_for(aim, of)
    (found,) = report.trade_offs
    return trade_off_words(found, report)


def test_the_best_setting_says_how_much_better_it_is() -> None:
    # Four times the images per joule in windows that do not scatter, at twice the latency.
    assert choice() == (
        "tensorrt fp16 batch 8, 1734/998.4 MHz: 400 images/s, p99 20.2 ms, 5.00 W, 80.0 images/s/W; "
        "over the default, tensorrt fp32 batch 1, 1734/998.4 MHz: images/s/W x 4.00 [4.00, 4.00], "
        "images/s x 4.00 [4.00, 4.00], latency x 2.00 [2.00, 2.00]"
    )
    assert "images/s/W x 4.00, " in choice(of=rows(repeats=1)), "one block has no interval"
    assert "p99 20.2 ms (limit 100), 5.00 W (limit 9)" in choice(Aim(0.1, power_budget_w=9.0))


def test_where_there_is_no_choice_the_reason_is_given() -> None:
    assert choice(Aim(0.001)) == "no setting keeps the limit"
    assert "no setting is known to keep the power budget" in choice(Aim(power_budget_w=9.0), rows(watts=None))
    assert choice(Aim(0.1), rows(n=20)) == (
        "no choice. 2 settings without a p99: lengthen --window, or take --percentile p50"
    )


def test_without_a_meter_the_fastest_setting_is_the_choice() -> None:
    assert "400 images/s, p99 20.2 ms; the fastest, as no power was metered; over the" in choice(of=rows(watts=None))


def test_the_default_may_be_the_best_or_have_no_numbers() -> None:
    assert choice(Aim(0.015)) == (
        "tensorrt fp32 batch 1, 1734/998.4 MHz: 100 images/s, p99 10.1 ms (limit 15), 5.00 W, 20.0 images/s/W; "
        "this is the default setting"
    )
    failed = Efficiency(Setting(PLAIN, ROWS[0].setting.clocks), failure="out of memory")
    assert choice(of=(failed, ROWS[1])) == (
        "tensorrt fp16 batch 8, 1734/998.4 MHz: 400 images/s, p99 20.2 ms, 5.00 W, 80.0 images/s/W; "
        "the default setting has no numbers to compare it with"
    )


def test_settings_that_were_no_candidates_are_counted() -> None:
    vague = dataclasses.replace(ROWS[1], p99_s=None)
    third = dataclasses.replace(ROWS[1], setting=dataclasses.replace(ROWS[1].setting, clocks=ClockPoint()))
    assert choice(Aim(0.1), (ROWS[0], third, vague)).endswith("; 1 setting without a p99 left out")
    unmetered = dataclasses.replace(third, power_w=None, energy_per_image_j=None)
    assert choice(of=(*ROWS, unmetered)).endswith("; 1 setting without power left out")
    assert choice(Aim(0.015), (*ROWS, unmetered)).endswith(
        "; this is the default setting; 1 setting without power left out"
    )
    assert choice(Aim(0.001), (*ROWS, unmetered)) == "no setting keeps the limit; 1 setting without power left out"
