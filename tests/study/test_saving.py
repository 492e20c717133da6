"""What stopping early saved, against the fixed design that would have decided as much."""

from __future__ import annotations

from functools import partial

import pytest

from colocate.model.limits import Limits
from colocate.study.advice import Verdict, advise
from colocate.study.evidence import collect
from colocate.study.plan import estimate_s, repeats_s
from colocate.study.saving import saving
from colocate.study.stages import state_of
from tests.study.test_plan import facts
from tests.study.until_decided import SPEC, TRIALS, WHOLE, measured


def test_the_saving_is_against_as_many_verdicts_of_a_fixed_design() -> None:
    limits = SPEC.limits or Limits()
    stands = state_of(TRIALS, SPEC, WHOLE, [])
    full_repeat_s = estimate_s([trial for trial in TRIALS if trial.repeat == 0])
    full_s = partial(repeats_s, SPEC, facts(probes=("synthetic",)))
    easy = saving(stands.evidence, limits, 2, stands.wanted, full_s)
    all_ = saving(stands.evidence, limits, 3, stands.wanted, full_s)
    assert easy is not None and all_ is not None
    assert easy.fixed_repeats < all_.fixed_repeats
    assert all_.fixed_s == pytest.approx(all_.fixed_repeats * full_repeat_s)
    assert all_.taken_s == pytest.approx(estimate_s(stands.wanted))
    assert saving(stands.evidence, limits, 0, stands.wanted, full_s) is None
    # So many repeats do decide that much, were every cell to stay as it is.
    records = [measured(trial) for trial in TRIALS if trial.repeat < 4 * easy.fixed_repeats]
    decided = [r for r in advise(collect(records, SPEC), limits).rulings if r.verdict is not Verdict.UNDECIDED]
    assert len(decided) >= 2
