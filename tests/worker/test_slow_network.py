"""A network that is slower than its window is measured all the same, on the local machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from colocate.model.machine import HostFacts
from colocate.model.trial import Failure, Trial, TrialRecord
from colocate.request.spec import make_study
from colocate.rigs.host.monitor import Monitor
from colocate.rigs.host.window import INFERENCES_MIN
from colocate.rigs.registry import make_rig
from colocate.store.run_file import Run
from colocate.study.narrowing import Narrowing
from colocate.study.plan import Stage
from colocate.sweep import sweep
from colocate.trial_loop import ThisMachine

INFERENCE_S = 0.2
WINDOW_S = 0.05
ROUNDING_S = 1e-6


class Silent:
    """An observer that says nothing."""

    def begins(self, missing: Sequence[Trial], planned: int, facts: HostFacts) -> None: ...

    def starts(self, trial: Trial) -> None: ...

    def ended(self, outcome: TrialRecord | Failure) -> None: ...

    def enters(self, stage: Stage, wanted: int) -> None: ...

    def completes(self, narrowing: Callable[[], Narrowing | None]) -> None: ...


@pytest.mark.parametrize("period_ms", [None, 100.0])
def test_an_inference_longer_than_the_window_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, period_ms: float | None
) -> None:
    lengths_s: list[float] = []
    window = Monitor.window

    def noted(self: Monitor, window_s: float, *how: Any) -> None:
        lengths_s.append(window_s)
        window(self, window_s, *how)

    monkeypatch.setattr(Monitor, "window", noted)
    keys = {
        "networks": ["spin-200ms"], "backend": "synthetic", "stressors": ["bitcount"], "placement": ["shared"],
        "design": "steady", "repeats": 1, "window": WINDOW_S, "warmup": 0.01, "settle": 0, "period_ms": period_ms,
    }  # fmt: skip
    study = make_study({key: value for key, value in keys.items() if value is not None})
    tally = sweep(study, ThisMachine(make_rig("host")), tmp_path / "run", Silent(), resume=False)
    assert (tally.failed, tally.empty) == (0, 0)
    with Run.read(tmp_path / "run") as run:
        records = [record for record in run.records() if record.trial.inference is not None]
    assert {record.trial.task is None for record in records} == {True, False}, "alone and beside the task"
    for record in records:
        assert record.trial.window_s == WINDOW_S
        assert len(record.latencies_s) == len(record.begins_s) >= 1
        assert record.latencies_s.min() > INFERENCE_S - ROUNDING_S
        # One after the other, and each within the time that the window is stored to have lasted.
        assert record.elapsed_s > len(record.latencies_s) * INFERENCE_S - ROUNDING_S
        assert record.elapsed_s > (record.begins_s + record.latencies_s).max() - ROUNDING_S
    lengthened = [length_s for length_s in lengths_s if length_s > WINDOW_S]
    # A window that something held up is measured again.
    assert len(lengthened) >= len(records)
    assert WINDOW_S in lengths_s, "the window of the task by itself is not lengthened"
    assert min(lengthened) > INFERENCES_MIN * INFERENCE_S - ROUNDING_S
