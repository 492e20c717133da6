"""What a sweep's report shows beside its cells: advice under the limits, and what its boards show."""

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
    """`advice` follows from the limits in force; it is None without limits, or if no cell could be judged. `fleet` is
    what the boards of a fleet show; it is None for a run of one machine.
    """

    advice: AdviceReport | None
    fleet: FleetReport | None = None

    def bounds_of(self, run: LoadedRun) -> Sequence[Bounds] | None:
        """The bounds of all cells of `run`, if the verdicts rest on all of its evidence; else None."""
        advice = self.advice
        return advice.advice.bounds if advice is not None and advice.state.evidence is run.evidence else None


def load(run: LoadedRun, changes: Mapping[str, Any]) -> SweepReport:
    """Judge the run if limits are in force. Raises SpecError for limits that make no sense, and for any `changes`,
    which only a run of `efficiency` can have.
    """
    refuse_aim(changes)
    advice = None
    if (limits := run.limits) is not None:
        with contextlib.suppress(SpecError):  # nothing to judge yet
            advice = advise_on(run, limits)
    return SweepReport(advice, load_fleet(run))
