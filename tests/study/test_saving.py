"""What stopping early saved, against the fixed design that would have decided as much."""

from __future__ import annotations

import pytest

from colocate.model.limits import Limits
from colocate.study.advice import Verdict, advise
from colocate.study.evidence import collect
from colocate.study.plan import estimate_s
from colocate.study.saving import saving
from colocate.study.stages import state_of
from tests.study.until_decided import SPEC, TRIALS, WHOLE, measured


def test_the_saving_is_against_as_many_verdicts_of_a_fixed_design() -> None:
    limits = SPEC.limits or Limits()
    stands = state_of(TRIALS, SPEC, WHOLE, [])
    full_repeat = [trial for trial in TRIALS if trial.repeat == 0]
    easy = saving(stands.evidence, limits, 2, stands.wanted, full_repeat)
    all_ = saving(stands.evidence, limits, 3, stands.wanted, full_repeat)
    assert easy is not None and all_ is not None
    assert easy.fixed_repeats < all_.fixed_repeats
    assert all_.fixed_s == pytest.approx(all_.fixed_repeats * estimate_s(full_repeat))
    assert all_.taken_s == pytest.approx(estimate_s(stands.wanted))
    assert saving(stands.evidence, limits, 0, stands.wanted, full_repeat) is None
    # So many repeats do decide that much, were every cell to stay as it is.
    records = [measured(trial) for trial in TRIALS if trial.repeat < 4 * easy.fixed_repeats]
    decided = [r for r in advise(collect(records, SPEC), limits).rulings if r.verdict is not Verdict.UNDECIDED]
    assert len(decided) >= 2
