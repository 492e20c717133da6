"""Runs in the guest: a small sweep under each fault of the board; prints what it came to, as JSON."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from colocate.errors import ColocateError
from colocate.store import Run
from tests.board_vm.kills import difference, knobs
from tests.board_vm.study import study

PARAMETERS = Path("/sys/module/board/parameters")
GOVERNOR = Path("/sys/devices/system/cpu/cpufreq/policy0/scaling_governor")
GPU_HZ = Path("/sys/class/devfreq/57000000.gpu/cur_freq")
REQUEST = {
    "backend": "synthetic",
    "networks": ["spin-1ms"],
    "stressors": ["stringsearch"],
    "design": "steady",
    "gpu_clocks": ["high"],
    "repeats": 1,
    "window": 1.0,
}
# What is set before the sweep begins; the driver's parameters are 0 otherwise.
FAULTS: dict[str, dict[str, int]] = {
    "none": {},
    "cpu refused": {"cpu_refuse": 1},
    "gpu refused": {"gpu_refuse": 1},
    "cpu clamped": {"cpu_clamp_khz": 921600},
    "gpu clamped": {"gpu_clamp_khz": 537600},
    "cpu late": {"cpu_delay_ms": 300},
    "cpu too late": {"cpu_delay_ms": 3000},
}


def swept(out: Path, cpu_clock: str = "high", meanwhile: Callable[[], None] | None = None) -> dict[str, object]:
    before = knobs()
    helper = threading.Thread(target=meanwhile) if meanwhile else None
    if helper:
        helper.start()
    code, said = 0, ""
    try:
        study({**REQUEST, "cpu_clocks": [cpu_clock]}, out)
    except ColocateError as error:
        code, said = error.exit_code, str(error)
    if helper:
        helper.join()
    with Run.read(out) as stored:
        warnings = {warning.value for record in stored.records() for warning in record.warnings}
    return {"code": code, "said": said, "warnings": sorted(warnings), "left": difference(before)}


def throttle_in_mid_window() -> None:
    """Once the GPU is pinned, hold it down, through the second attempt as well."""
    while GPU_HZ.read_text().strip() != "998400000":
        time.sleep(0.01)
    time.sleep(1.0)
    (PARAMETERS / "gpu_throttle_khz").write_text("537600")


def main(out: Path) -> None:
    found = {}
    governor = GOVERNOR.read_text().strip()
    for number, (fault, parameters) in enumerate(FAULTS.items()):
        # A clock that happens to be where it is asked to be cannot be refused: down from high, or up from low.
        GOVERNOR.write_text("performance" if fault == "cpu refused" else "powersave")
        time.sleep(0.2)
        for name, value in parameters.items():
            (PARAMETERS / name).write_text(str(value))
        found[fault] = swept(out / str(number), "low" if fault == "cpu refused" else "high")
        for name in parameters:
            (PARAMETERS / name).write_text("0")
        GOVERNOR.write_text(governor)
    found["gpu throttled"] = swept(out / "throttled", meanwhile=throttle_in_mid_window)
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
