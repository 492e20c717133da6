"""Runs of the founding study on the model of its board."""

from __future__ import annotations

import functools
from typing import Any

from colocate.model.trial import TrialRecord
from colocate.request.spec import make_spec
from colocate.rigs.tx1.rig import Tx1Rig
from colocate.store.run_file import Header
from colocate.study.plan import distinct_inferences, plan


def modelled(**keys: Any) -> tuple[Header, list[TrialRecord]]:
    clocks = {"gpu_clocks": ["high"], "cpu_clocks": [102, 1734]}
    spec = make_spec({"rig": "tx1-model", "design": "steady", "repeats": 2, **clocks, **keys})
    rig = Tx1Rig()
    facts = rig.facts()
    trials = plan(spec, facts)
    records = [rig.run(trial) for trial in trials]
    return Header({}, spec, facts, rig.networks(distinct_inferences(trials)), None, len(records)), records


@functools.cache
def whole() -> tuple[Header, list[TrialRecord]]:
    """A run that has all that the plots need."""
    return modelled()
