from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from colocate.model.limits import PERCENTILES
from colocate.model.quality import TOO_FEW_FOR, QualityFlag, in_order
from colocate.study.stats import samples_needed


@pytest.mark.parametrize("flag", QualityFlag)
def test_every_warning_comes_with_its_remedy(flag: QualityFlag) -> None:
    assert len(flag.remedy) > 20 and flag.remedy.isprintable()
    # It follows a colon or stands before a full stop, wherever it is shown.
    assert not flag.remedy[0].isupper() and not flag.remedy.endswith(".")
    why, _, what_to_do = flag.remedy.partition("; ")
    assert why and what_to_do and ": " not in flag.remedy and ". " not in flag.remedy, "one sentence behind a colon"


def test_the_samples_that_a_percentile_needs_are_said_in_numbers() -> None:
    for name, flag in TOO_FEW_FOR.items():
        assert flag.remedy.startswith(f"a {name} needs {samples_needed(PERCENTILES[name])} ")


def test_warnings_stand_once_and_in_the_order_of_the_list() -> None:
    met = [QualityFlag.TRIALS_FAILED, QualityFlag.OTHER_LOAD, QualityFlag.TOO_FEW_FOR_P99, QualityFlag.OTHER_LOAD]
    assert in_order(met) == (QualityFlag.TOO_FEW_FOR_P99, QualityFlag.OTHER_LOAD, QualityFlag.TRIALS_FAILED)
    assert in_order(frozenset(QualityFlag)) == tuple(QualityFlag) and in_order(()) == ()


def test_a_warning_that_was_stored_under_its_name_of_before_is_read() -> None:
    stored = TypeAdapter(tuple[QualityFlag, ...])
    assert stored.validate_json('["stressor ended early", "other load"]') == (
        QualityFlag.TASK_ENDED_EARLY,
        QualityFlag.OTHER_LOAD,
    )
    with pytest.raises(ValidationError):
        stored.validate_json('["no such warning"]')
