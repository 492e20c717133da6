"""Settings and choices in words."""

from __future__ import annotations

import dataclasses

from colocate.model.purpose import TrainingAim
from colocate.report.training.words import aim_words, choice_words, devices_words, energy_unit, energy_words
from tests.report.training.settings import network, report_of, run_of


def words_of(**changes: object) -> str:
    report = report_of(run_of(**changes))  # type: ignore[arg-type]
    return choice_words(report.choices[0], report)


def test_what_was_asked_for() -> None:
    def asked(**changes: object) -> str:
        return aim_words(report_of(run_of(**changes)))  # type: ignore[arg-type]

    assert asked() == "least energy with at most 1 % less accuracy than the best"
    assert asked(aim=TrainingAim(0.005, 1800.0)).endswith("0.5 % less accuracy than the best, within 30 min")
    assert asked(accurate=False) == "least energy", "of synthetic images nothing else is known"


def test_energies_side_by_side_share_a_unit() -> None:
    assert energy_unit([7.3, 9999.0]) == energy_unit([]) == (1.0, "J")
    assert energy_unit([7.3, 10_000.0]) == (1e-3, "kJ")


def test_devices() -> None:
    for inference, said in ((network(64, 2), "2 GPUs"), (network(64), "1 GPU"), (network(64, on_gpu=False), "CPUs")):
        assert inference.training is not None and devices_words(inference.training) == said
    two = network(64, 2, on_gpu=False).training
    assert two is not None and devices_words(two) == "2 ranks on CPUs"


def test_energy_has_the_unit_that_it_needs() -> None:
    assert [energy_words(joules) for joules in (0.812, 812.3, 54321.0)] == ["0.812 J", "812 J", "54.3 kJ"]


def test_a_choice_says_what_it_costs() -> None:
    said = words_of()
    assert said.startswith("batch 128, 1 GPU, fp32; 11.9 J per epoch, 0.119 s per epoch, accuracy 98.0 %")
    assert said.endswith("0.75 times the energy of the smallest batch")
    assert "accuracy" not in words_of(accurate=False)
    assert "the fastest, as no energy was metered" in words_of(watts=None)


def test_no_choice_says_why() -> None:
    assert words_of(aim=TrainingAim(time_limit_s=0.01)) == "no setting is sure to keep the time limit"
    run = run_of()
    one = dataclasses.replace(run, records=tuple(record for record in run.records if record.trial.repeat == 0))
    report = report_of(one)
    assert "one seed shows nothing" in choice_words(report.choices[0], report)
    none = report_of(dataclasses.replace(run, records=()))
    assert choice_words(none.choices[0], none) == "no setting succeeded"
