"""Runs inside the board: turns every knob and fault of board.c and prints what the kernel did, as JSON."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from colocate.host.cpus import cpuset
from colocate.host.cpus.bounds import missing_bounds
from colocate.host.cpus.containing import allow_fifo, contain
from colocate.host.processes.priority import check_fifo
from colocate.model.containment import parse_containment

CPU = Path("/sys/devices/system/cpu/cpu0/cpufreq")
GPU = Path("/sys/class/devfreq/57000000.gpu")
FAULTS = Path("/sys/module/board/parameters")
CGROUP = Path("/sys/fs/cgroup")
LOWEST = {"cpu_khz": 102000, "gpu_khz": 76800}
MIDDLE = {"cpu_khz": 921600, "gpu_khz": 537600}
HIGHEST = {"cpu_khz": 1734000, "gpu_khz": 998400}
PATIENCE_S = 20.0

Clocks = dict[str, int]


def read(path: Path) -> str:
    return path.read_text().strip("\0\n ")


def integers(path: Path) -> list[int]:
    return [int(word) for word in read(path).split()]


def write(path: Path, value: object) -> str:
    """The name of the error that the write met, or an empty string."""
    try:
        path.write_text(f"{value}\n")
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return ""


def clocks() -> Clocks:
    return {"cpu_khz": int(read(CPU / "scaling_cur_freq")), "gpu_khz": int(read(GPU / "cur_freq")) // 1000}


def limits() -> dict[str, list[int]]:
    return {
        "cpu_khz": [int(read(CPU / f"scaling_{end}_freq")) for end in ("min", "max")],
        "gpu_khz": [int(read(GPU / f"{end}_freq")) // 1000 for end in ("min", "max")],
    }


def free() -> None:
    write(CPU / "scaling_min_freq", LOWEST["cpu_khz"])
    write(CPU / "scaling_max_freq", HIGHEST["cpu_khz"])
    write(GPU / "min_freq", 0)
    write(GPU / "max_freq", 0)


def write_limits(end: str, wanted: Clocks) -> list[str]:
    """Write both clocks' `min` or `max`; the errors met."""
    cpu_error = write(CPU / f"scaling_{end}_freq", wanted["cpu_khz"])
    return [cpu_error, write(GPU / f"{end}_freq", wanted["gpu_khz"] * 1000)]


def pin(wanted: Clocks) -> None:
    free()
    raise_to(wanted)


def raise_to(wanted: Clocks) -> None:
    """From lower or no limits: the maximum first, so that the governor never chooses a clock on the way."""
    write_limits("max", wanted)
    write_limits("min", wanted)


def set_fault(name: str, cpu: int, gpu: int) -> None:
    for clock, value in (("cpu", cpu), ("gpu", gpu)):
        (FAULTS / f"{clock}_{name}").write_text(str(value))


def wait_for(wanted: Clocks) -> Clocks:
    """The clocks once they are as wanted, or as they are when patience ends."""
    deadline = time.monotonic() + PATIENCE_S
    while (seen := clocks()) != wanted and time.monotonic() < deadline:
        time.sleep(0.01)
    return seen


def seconds_until(wanted: Clocks, act: Callable[[], None]) -> dict[str, float]:
    """How long after the start of `act` each clock was first seen as wanted; absent if never."""
    begin = time.monotonic()
    act()
    first: dict[str, float] = {}
    while len(first) < len(wanted) and time.monotonic() - begin < PATIENCE_S:
        for name, khz in clocks().items():
            if khz == wanted[name]:
                first.setdefault(name, time.monotonic() - begin)
    return first


def watts() -> dict[str, float]:
    sensor = next(path.parent for path in Path("/sys/class/hwmon").glob("*/name") if read(path) == "ina3221")
    rails: dict[str, float] = {}
    for n in (1, 2, 3):
        volts, amperes = int(read(sensor / f"in{n}_input")) / 1000, int(read(sensor / f"curr{n}_input")) / 1000
        rails[read(sensor / f"in{n}_label")] = volts * amperes
    return rails


def knobs() -> dict[str, object]:
    nodes = Path("/sys/class/devfreq").iterdir()
    found = [node.name for node in nodes if read(node / "device/of_node/name") == "gpu"]
    return {
        "cpu_steps_khz": integers(CPU / "scaling_available_frequencies"),
        "gpu_steps_hz": integers(GPU / "available_frequencies"),
        "policy_cpus": integers(CPU / "related_cpus"),
        "governors": read(CPU / "scaling_available_governors").split(),
        "gpus_by_of_node": found,
    }


def pinned() -> list[dict[str, object]]:
    points: list[dict[str, object]] = []
    for wanted in (LOWEST, MIDDLE, HIGHEST):
        pin(wanted)
        points.append({"wanted": wanted, "seen": wait_for(wanted), "limits": limits(), "watts": watts()})
    return points


def settled_limits() -> dict[str, list[int]]:
    """The kernel takes a limit over in a thread of its own, which on a busy host is late."""
    before: dict[str, list[int]] = {}
    now = limits()
    while now != before:
        time.sleep(0.5)
        before, now = now, limits()
    return now


def write_order() -> dict[str, object]:
    """What the kernel makes of limits in the wrong order, beyond the table, and of words."""
    pin(MIDDLE)
    errors = write_limits("min", HIGHEST)
    crossed = settled_limits()
    errors += write_limits("max", HIGHEST)
    raised = settled_limits()
    free()
    errors += [write(CPU / "scaling_max_freq", 5), write(GPU / "max_freq", 5)]
    beneath = settled_limits()
    free()
    words = (CPU / "scaling_max_freq", GPU / "max_freq", CPU / "scaling_governor")
    return {
        "errors": errors,
        "min_above_max": crossed,
        "max_raised_later": raised,
        "max_of_5": beneath,
        "words": [write(path, "fast") for path in words],
    }


def refused() -> dict[str, object]:
    pin(LOWEST)
    before = wait_for(LOWEST)
    set_fault("refuse", 1, 1)
    pin(HIGHEST)
    time.sleep(0.5)
    seen, kept = clocks(), limits()
    set_fault("refuse", 0, 0)
    pin(HIGHEST)
    return {"before": before, "seen": seen, "limits": kept, "after_lifting": wait_for(HIGHEST)}


def clamped() -> dict[str, object]:
    pin(LOWEST)
    set_fault("clamp_khz", MIDDLE["cpu_khz"], MIDDLE["gpu_khz"])
    pin(HIGHEST)
    seen = wait_for(MIDDLE)
    set_fault("clamp_khz", 0, 0)
    return {"seen": seen, "limits": limits()}


def delayed() -> dict[str, object]:
    pin(LOWEST)
    wait_for(LOWEST)
    set_fault("delay_ms", 700, 700)
    seconds = seconds_until(HIGHEST, lambda: raise_to(HIGHEST))
    set_fault("delay_ms", 0, 0)
    return {"delay_s": 0.7, "seconds": seconds}


def throttled() -> dict[str, object]:
    pin(HIGHEST)
    wait_for(HIGHEST)
    hot_watts = watts()
    set_fault("throttle_after_ms", 700, 700)
    seconds = seconds_until(MIDDLE, lambda: set_fault("throttle_khz", MIDDLE["cpu_khz"], MIDDLE["gpu_khz"]))
    kept, slow_watts = limits(), watts()
    set_fault("throttle_khz", 0, 0)
    return {
        "after_s": 0.7,
        "seconds": seconds,
        "limits": kept,
        "watts": [hot_watts, slow_watts],
        "after_lifting": wait_for(HIGHEST),
    }


def temperatures_mc() -> dict[str, int]:
    set_fault("temp_mc", 61000, 89500)
    zones = Path("/sys/class/thermal").glob("thermal_zone*")
    return {read(zone / "type"): int(read(zone / "temp")) for zone in zones}


def contained() -> dict[str, object]:
    """Every containment by turns in a group of cgroup v2: what the kernel shows of each, and what is left of them."""
    control = CGROUP / "cgroup.subtree_control"
    found, before, shown = cpuset.detect(), read(control), {}
    with cpuset.confined(found, {"inference": (0,), "task": (1, 2)}, weighed=True) as seats:
        seat, during = seats["task"], sorted(read(control).split())
        allow_fifo(seats["inference"].groups)
        for words in ("idle", "weight=10", "quota=20%/10+cpus=1", "none"):
            contain(seat.groups, seat.cpus, parse_containment(words))
            shown[words] = {
                name: read(group / name)
                for group in seat.groups
                for name in ("cpu.idle", "cpu.weight", "cpu.max", "cpuset.cpus.effective")
            }
        check_fifo(seats["inference"])
    return {
        "before": before,
        "during": during,
        "after": read(control),
        "shown": shown,
        "missing": sorted(missing_bounds(found)),
    }


def left_behind() -> list[dict[str, object]]:
    """What the next process finds, and leaves, of one that was killed: of this version, and of an older one."""
    control = CGROUP / "cgroup.subtree_control"
    looks: list[dict[str, object]] = []
    for switched_on in (killed_while_bound, killed_while_an_older_version_ran):
        before = read(control)
        switched_on()
        groups = sorted(path.name.split("-", 2)[2] for path in CGROUP.glob("colocate-*"))
        look: dict[str, object] = {"before": before, "killed": sorted(read(control).split()), "groups": groups}
        cpuset.remove_stale_groups()
        looks.append(look | {"after": read(control), "left": [path.name for path in CGROUP.glob("colocate-*")]})
    return looks


def shared_controller() -> dict[str, object]:
    """Of two that need a controller one ends and the other is killed."""
    control, ready, other = CGROUP / "cgroup.subtree_control", os.pipe(), 0
    with cpuset.confined(cpuset.detect(), {"task": (1,)}):
        if (other := os.fork()) == 0:
            with cpuset.confined(cpuset.detect(), {"task": (2,)}):
                os.write(ready[1], b".")
                signal.pause()
        os.read(ready[0], 1)
    kept = {"one_ended": read(control), "cpus": read(CGROUP / f"colocate-{other}-task" / "cpuset.cpus")}
    os.kill(other, signal.SIGKILL)
    os.waitpid(other, 0)
    cpuset.remove_stale_groups()
    return kept | {"after": read(control), "left": [path.name for path in CGROUP.glob("colocate-*")]}


def killed_while_bound() -> None:
    if (pid := os.fork()) == 0:
        with cpuset.confined(cpuset.detect(), {"task": (1,)}, weighed=True) as seats:
            contain(seats["task"].groups, (1,), parse_containment("idle"))
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)


def killed_while_an_older_version_ran() -> None:
    if (pid := os.fork()) == 0:
        (CGROUP / f"colocate-{os.getpid()}-delegated").mkdir()
        (CGROUP / "cgroup.subtree_control").write_text("+cpuset")
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)


def confined() -> dict[str, object]:
    """A cpuset made after the process: its mask must follow, and so must the CPU that it runs on."""
    (CGROUP / "cgroup.subtree_control").write_text("+cpuset")
    group = CGROUP / "guest"
    group.mkdir()
    (group / "cpuset.cpus").write_text("2")
    with subprocess.Popen(["sleep", "60"]) as child:
        before = sorted(os.sched_getaffinity(child.pid))
        (group / "cgroup.procs").write_text(str(child.pid))
        after = sorted(os.sched_getaffinity(child.pid))
        child.kill()
        killed = child.wait()
    # Field 39 of its stat file is the CPU that a process last ran on.
    ran_on = f"echo $$ >{group}/cgroup.procs; sleep 0.1; set -- $(cat /proc/$$/stat); shift 38; echo $1"
    cpu = int(subprocess.run(["sh", "-c", ran_on], capture_output=True, text=True, check=True).stdout)
    return {"before": before, "after": after, "killed": killed, "ran_on": cpu}


def scratch() -> list[str]:
    """Folders of the host in which the guest may write."""
    written = []
    for folder in (Path("/tmp"), Path("/var/lib"), Path("/etc")):
        (folder / "written-by-the-board").write_text("guest only")
        written.append(str(folder / "written-by-the-board"))
    return written


def main() -> None:
    checks: tuple[Callable[[], object], ...] = (
        knobs, pinned, write_order, refused, clamped, delayed, throttled, temperatures_mc, contained, left_behind,
        shared_controller, confined, scratch,
    )  # fmt: skip
    print(json.dumps({check.__name__: check() for check in checks}))


if __name__ == "__main__":
    main()
