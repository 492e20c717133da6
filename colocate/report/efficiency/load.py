"""What a run of `colocate efficiency` shows: every setting, and the best of each network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from colocate.model.purpose import Aim, EfficiencyPurpose
from colocate.report.run_report import LoadedRun
from colocate.request.aim_keys import aim_fields, changed_aim
from colocate.study.efficiency import Efficiency, efficiencies
from colocate.study.trade_offs import TradeOff, trade_offs, worth_of


@dataclass(frozen=True, slots=True)
class EfficiencyReport:
    """Every setting, and for each network the best one under `aim`, compared with the default setting."""

    aim: Aim
    rows: tuple[Efficiency, ...]
    trade_offs: tuple[TradeOff, ...]


def load(run: LoadedRun, changes: Mapping[str, Any]) -> EfficiencyReport:
    """What a run of `colocate efficiency` shows.

    `changes` replace fields of the run's aim, and so do limits that the user changed. Raises SpecError if they make
    no sense.
    """
    purpose, header = run.header.purpose, run.header
    assert isinstance(purpose, EfficiencyPurpose), "the section of this purpose"
    aim = changed_aim(purpose.aim, {**aim_fields(run.changes), **changes})
    rows = efficiencies(run.records, header.spec, [(failure.trial, failure.message) for failure in run.failures])
    found = trade_offs(rows, worth_of(aim), aim.quantile, purpose.default_backend, power_budget_w=aim.power_budget_w)
    return EfficiencyReport(aim, rows, found)
