"""Runs in the guest: a small sweep under each fault of the board; prints what it came to, as JSON.

`faults.py OUT FAULT ...` tries these alone.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from colocate.errors import ColocateError
from colocate.store.database import FILE_NAME
from colocate.store.run_file import Run
from tests.board_vm.kills import difference, knobs
from tests.board_vm.study import study

PARAMETERS = Path("/sys/module/board/parameters")
GOVERNOR = Path("/sys/devices/system/cpu/cpufreq/policy0/scaling_governor")
GPU_HZ = Path("/sys/class/devfreq/57000000.gpu/cur_freq")
REQUEST = {
    "backend": "synthetic",
    "networks": ["spin-1ms"],
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
    "cpu late": {"cpu_delay_ms": 100},
    "cpu too late": {"cpu_delay_ms": 3000},
}
THROTTLED = "gpu throttled"


def swept(
    out: Path,
    cpu_clock: str = "high",
    stressors: Sequence[str] = (),
    meanwhile: Callable[[threading.Event], None] | None = None,
) -> dict[str, object]:
    """What a sweep came to: its exit code and message, its warnings, and the knobs that it left changed."""
    before, is_over = knobs(), threading.Event()
    helper = threading.Thread(target=meanwhile, args=(is_over,)) if meanwhile else None
    if helper:
        helper.start()
    code, said = 0, ""
    try:
        study({**REQUEST, "cpu_clocks": [cpu_clock], "stressors": stressors}, out)
    except ColocateError as error:
        code, said = error.exit_code, str(error)
    is_over.set()
    if helper:
        helper.join()
    # One that could not begin has no run: its message says why.
    warnings = warnings_of(out) if (out / FILE_NAME).exists() else []
    return {"code": code, "said": said, "warnings": warnings, "left": difference(before)}


def warnings_of(out: Path) -> list[str]:
    with Run.read(out) as stored:
        return sorted({warning.value for record in stored.records() for warning in record.warnings})


def throttle_in_mid_window(is_over: threading.Event) -> None:
    """Once the GPU is pinned, hold it down, through the second attempt as well."""
    while GPU_HZ.read_text().strip() != "998400000" and not is_over.wait(0.01):
        pass
    is_over.wait(1.0)
    (PARAMETERS / "gpu_throttle_khz").write_text("537600")


def main(out: Path, faults: Sequence[str]) -> None:
    found = {}
    governor = GOVERNOR.read_text().strip()
    for number, fault in enumerate(each for each in faults if each != THROTTLED):
        # A clock that happens to be where it is asked to be cannot be refused: down from high, or up from low.
        GOVERNOR.write_text("performance" if fault == "cpu refused" else "powersave")
        time.sleep(0.2)
        for name, value in FAULTS[fault].items():
            (PARAMETERS / name).write_text(str(value))
        found[fault] = swept(out / str(number), "low" if fault == "cpu refused" else "high")
        for name in FAULTS[fault]:
            (PARAMETERS / name).write_text("0")
        GOVERNOR.write_text(governor)
    if THROTTLED in faults:
        # With a task, which takes an emulated machine seconds to start: its windows must have the warning, too.
        found[THROTTLED] = swept(out / "throttled", stressors=("stringsearch",), meanwhile=throttle_in_mid_window)
        (PARAMETERS / "gpu_throttle_khz").write_text("0")
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
