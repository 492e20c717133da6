"""Runs in the guest: a sweep in whose first windows the kernel suspends; prints which windows have the warning of it.

`suspend.py OUT TIMES` suspends in so many windows. The kernel goes as far as it does before it turns to the devices:
it freezes every process, waits 5 seconds, and thaws them (`/sys/power/pm_test`, kernel
Documentation/power/basic-pm-debugging.rst). It goes no further here, as the guest's root is a 9p mount, whose device
cannot be suspended: it does not come back. Nor does QEMU's own `stop` serve: the guest's clocks stand still with it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from colocate.model.quality import QualityFlag
from colocate.rigs.host.monitor import Monitor
from colocate.store.run_file import Run
from tests.board_vm.study import study

POWER = Path("/sys/power")
REQUEST = {
    "backend": "synthetic",
    "networks": ["spin-1ms"],
    "stressors": ["stringsearch"],
    "cpu_clocks": ["high"],
    "gpu_clocks": ["high"],
    "design": "steady",
    "repeats": 1,
    "window": 1.0,
}


def suspending(window: Callable[..., None], times: int) -> Callable[..., None]:
    """The window, at whose start the kernel suspends, so many times."""
    left = [None] * times

    def suspended(*arguments: object) -> None:
        if left:
            left.pop()
            (POWER / "state").write_text("freeze")
        window(*arguments)

    return suspended


def main(out: Path, times: int) -> None:
    (POWER / "pm_test").write_text("freezer")
    Monitor.window = suspending(Monitor.window, times)  # type: ignore[method-assign]
    study(REQUEST, out)
    with Run.read(out) as stored:
        sys.stdout.write(json.dumps([QualityFlag.HELD_UP in record.warnings for record in stored.records()]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
