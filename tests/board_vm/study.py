"""Runs in the guest: a sweep without its report, whose libraries take a minute to import there.

`study.py OUT` reads the request as JSON from `OUT/request.json`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colocate.model.machine import HostFacts
from colocate.model.trial import Failure, Trial, TrialRecord
from colocate.request.spec import make_study
from colocate.rigs.registry import make_rig
from colocate.study.plan import Stage
from colocate.sweep import sweep
from colocate.trial_loop import ThisMachine

if TYPE_CHECKING:
    from colocate.study.narrowing import Narrowing


class Silence:
    """An observer that prints nothing."""

    def enters(self, stage: Stage, wanted: int) -> None: ...

    def completes(self, narrowing: Callable[[], Narrowing | None]) -> None: ...

    def begins(self, missing: Sequence[Trial], planned: int, facts: HostFacts) -> None: ...

    def starts(self, trial: Trial) -> None: ...

    def ended(self, outcome: TrialRecord | Failure) -> None: ...


def study(request: Mapping[str, Any], out: Path) -> None:
    """Run the sweep; raises what it raises."""
    sweep(make_study(request), ThisMachine(make_rig("host")), out, Silence(), resume=False)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    study(json.loads((folder / "request.json").read_text()), folder / "run")
