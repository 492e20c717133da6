from __future__ import annotations

import pytest

from colocate.model.quality import QualityFlag, in_order


@pytest.mark.parametrize("flag", QualityFlag)
def test_every_warning_comes_with_its_remedy(flag: QualityFlag) -> None:
    assert len(flag.remedy) > 20 and flag.remedy.isprintable()
    # It follows a colon or stands before a full stop, wherever it is shown.
    assert flag.remedy[0].islower() and not flag.remedy.endswith(".")


def test_warnings_stand_once_and_in_the_order_of_the_list() -> None:
    met = [QualityFlag.TRIALS_FAILED, QualityFlag.OTHER_LOAD, QualityFlag.TOO_FEW_FOR_P99, QualityFlag.OTHER_LOAD]
    assert in_order(met) == (QualityFlag.TOO_FEW_FOR_P99, QualityFlag.OTHER_LOAD, QualityFlag.TRIALS_FAILED)
    assert in_order(frozenset(QualityFlag)) == tuple(QualityFlag) and in_order(()) == ()
