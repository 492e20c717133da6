"""What a sweep shows: its cells, and under limits the advice on them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from colocate.errors import SpecError
from colocate.report.advise.load import AdviceReport, advise_on
from colocate.report.fleet.load import FleetReport, load_fleet
from colocate.report.run_report import LoadedRun
from colocate.report.sections import refuse_aim
from colocate.study.bounds import Bounds


@dataclass(frozen=True, slots=True)
class SweepReport:
    """The `advice` under the limits in force; None without limits, or without a cell that could be judged. `fleet` is
    what boards show, where several ran the study.
    """

    advice: AdviceReport | None
    fleet: FleetReport | None = None

    def bounds_of(self, run: LoadedRun) -> Sequence[Bounds] | None:
        """The bounds of all that `run` holds, where the verdicts rest on these; None where they do not."""
        advice = self.advice
        return advice.advice.bounds if advice is not None and advice.state.evidence is run.evidence else None


def load(run: LoadedRun, changes: Mapping[str, Any]) -> SweepReport:
    """Judge the run where limits are in force. Raises SpecError for limits that make no sense, and for an aim."""
    refuse_aim(changes)
    advice = None
    if (limits := run.limits) is not None:
        with contextlib.suppress(SpecError):  # nothing to judge yet
            advice = advise_on(run, limits)
    return SweepReport(advice, load_fleet(run))
