"""Boards in a folder: their sysfs trees as the kernels lay them out, and the rules those kernels follow.

A `Kernel` is a Sysfs that answers writes as the real one does and computes what the clocks read. The files
themselves hold the knobs alone, so two trees with equal bytes are two machines in the same state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from colocate.errors import KnobError
from colocate.host.sysfs import Sysfs

CPU = "/sys/devices/system/cpu"
DEBUG = "/sys/kernel/debug"
BOOT_ID = "/proc/sys/kernel/random/boot_id"
TX1_CPU_KHZ = (
    102000, 204000, 307200, 403200, 518400, 614400, 710400, 825600, 921600, 1036800, 1132800, 1224000, 1326000,
    1428000, 1555500, 1632000, 1734000,
)  # fmt: skip
TX1_GPU_HZ = tuple(step * 76_800_000 for step in range(1, 14))
NANO_CPU_KHZ = (*range(102000, 1428001, 102000), 1479000)
TX2_A57_KHZ = tuple(range(345600, 2035201, 153600))
TX2_DENVER_KHZ = (345600, *TX2_A57_KHZ[2:])  # a cluster that lacks one step of the other's
TX2_GPU_HZ = tuple(round(mhz * 1e6) for mhz in (114.75, 216.75, 318.75, 522.75, 854.25, 1122, 1236.75, 1300.5))
ORIN_CPU_KHZ = tuple(range(115200, 2188801, 76800))
ORIN_GPU_HZ = tuple(round(mhz * 1e6) for mhz in (114.75, 216.75, 318.75, 522.75, 726.75, 930.75, 1134.75, 1300.5))

# The rate of an override, its switch, and the files that show the clock when it is on.
OVERRIDES = (
    (f"{DEBUG}/clock/override.gbus/rate", f"{DEBUG}/clock/override.gbus/state", (f"{DEBUG}/clock/gbus/rate",)),
    (f"{DEBUG}/clock/override.emc/rate", f"{DEBUG}/clock/override.emc/state", (f"{DEBUG}/clock/emc/rate",)),
    (
        f"{DEBUG}/clk/override.emc/clk_update_rate",
        f"{DEBUG}/clk/override.emc/clk_state",
        (f"{DEBUG}/clk/emc/clk_rate", f"{DEBUG}/clk/override.emc/clk_rate"),
    ),
    (f"{DEBUG}/bpmp/debug/clk/emc/rate", f"{DEBUG}/bpmp/debug/clk/emc/mrq_rate_locked", ()),
)


@dataclass(frozen=True)
class Pair:
    """Two limits that the kernel keeps ordered, in the files' own unit."""

    folder: str
    lowest: str
    highest: str
    current: str
    steps: tuple[int, ...]


class Died(BaseException):
    """The process was killed at this write: nothing of it runs any more, so whatever it tries next raises it too."""


class Kernel(Sysfs):
    """Rules common to all: numbers only, within the table; an idle governor takes the lowest clock allowed.

    `fail_at` is the write, counted from 1, that is refused; at `dies_at` the process ends. `ceiling` holds clocks
    down, by path.
    """

    def __init__(self, root: Path, pairs: tuple[Pair, ...]) -> None:
        super().__init__(root)
        self.pairs = pairs
        self.writes: list[tuple[str, str]] = []
        self.fail_at = 0
        self.dies_at = 0
        self.dead = False
        self.ceiling: dict[str, int] = {}
        self._switched_on: dict[str, int] = {}

    def read(self, path: str) -> str | None:
        if self.dead:
            raise Died(path)
        for pair in self.pairs:
            if path == f"{pair.folder}/{pair.current}":
                # What a firmware does that holds the clock down without a word.
                lowest = int(super().read(f"{pair.folder}/{pair.lowest}") or 0)
                return str(min(lowest, self.ceiling.get(path, lowest)))
        clock = self._overridden(path)
        return super().read(path) if clock is None else clock

    def write(self, path: str, value: str) -> None:
        self.writes.append((path, value))
        if self.dead or len(self.writes) == self.dies_at:
            self.dead = True
            raise Died(path)
        if len(self.writes) == self.fail_at:
            raise KnobError(f"{path}: Input/output error")
        for pair in self.pairs:
            if path in (f"{pair.folder}/{pair.lowest}", f"{pair.folder}/{pair.highest}"):
                self.limit(pair, path, int(value))
                return
        if path.endswith(("/state", "/clk_state")):
            self._count(path, value)
        super().write(path, value)

    def limit(self, pair: Pair, path: str, value: int) -> None:
        raise NotImplementedError

    def bounds(self, pair: Pair) -> tuple[int, int]:
        lowest, highest = (super(Kernel, self).read(f"{pair.folder}/{end}") for end in (pair.lowest, pair.highest))
        return int(lowest or 0), int(highest or 0)

    def put(self, path: str, value: int) -> None:
        super().write(path, str(value))

    def _count(self, path: str, value: str) -> None:
        """Overrides of L4T are counted references: two times on needs two times off."""
        count = self._switched_on.get(path, int(super().read(path) or 0)) + (1 if value == "1" else -1)
        assert 0 <= count < 2, f"{path} was turned on or off twice"
        self._switched_on[path] = count

    def _overridden(self, path: str) -> str | None:
        """An override shows its rate in force, and otherwise whatever the bus floats at."""
        for rate, switch, shown in OVERRIDES:
            if path in shown and super().read(switch) == "1":
                return super().read(rate)
        return None

    def state(self) -> dict[str, bytes]:
        """All that makes this machine what it is: not the rate of an override that is off, for it shows the bus."""
        off = {rate[1:] for rate, switch, _ in OVERRIDES if super(Kernel, self).read(switch) == "0"}
        return {path: held for path, held in contents(self.root).items() if path not in off}


class Kernel49(Kernel):
    """4.9 and before: limits that would cross are EINVAL; outside the table they are clamped to its ends."""

    def limit(self, pair: Pair, path: str, value: int) -> None:
        value = min(max(value, pair.steps[0]), pair.steps[-1])
        lowest, highest = self.bounds(pair)
        lowest, highest = (value, highest) if path.endswith(pair.lowest) else (lowest, value)
        if lowest > highest:
            raise KnobError(f"{path}: wanted {value}, the kernel refused it: Invalid argument")
        self.put(path, value)


class Kernel510(Kernel):
    """5.10 and later: requests are kept as they are and never refused; the files show what they come to."""

    def __init__(self, root: Path, pairs: tuple[Pair, ...]) -> None:
        super().__init__(root, pairs)
        self._requests = {pair: list(self.bounds(pair)) for pair in pairs}

    def limit(self, pair: Pair, path: str, value: int) -> None:
        request = self._requests[pair]
        request[0 if path.endswith(pair.lowest) else 1] = value
        highest = min(max(request[1], pair.steps[0]), pair.steps[-1])
        lowest = min(max(request[0], pair.steps[0]), highest)
        self.put(f"{pair.folder}/{pair.lowest}", lowest)
        self.put(f"{pair.folder}/{pair.highest}", highest)


@dataclass(frozen=True)
class Policy:
    """CPUs that share a clock, and its table in kHz."""

    cpus: tuple[int, ...]
    steps_khz: tuple[int, ...]


@dataclass(frozen=True)
class Board:
    """`gpu_device` is where the device lies below /sys/devices, `gpu_node` its devfreq name, `extra` other files."""

    name: str
    kernel: type[Kernel]
    policies: tuple[Policy, ...]
    gpu_device: str = ""
    gpu_node: str = ""
    gpu_of_name: str = ""
    gpu_compatible: str = ""
    gpu_steps_hz: tuple[int, ...] = ()
    railgate: bool = False
    policy_folders: bool = True
    extra: Mapping[str, str] | None = None

    def build(self, root: Path) -> Kernel:
        """Make the tree in `root`, left as a governor leaves it: limits wide open."""
        pairs = [*self._build_cpus(root)]
        if self.gpu_device:
            pairs.append(self._build_gpu(root))
        for path, text in {BOOT_ID: "0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f9", **(self.extra or {})}.items():
            put(root, path, text)
        return self.kernel(root, tuple(pairs))

    def _build_cpus(self, root: Path) -> list[Pair]:
        pairs = []
        for policy in self.policies:
            first = policy.cpus[0]
            folder = f"{CPU}/cpufreq/policy{first}" if self.policy_folders else f"{CPU}/cpu{first}/cpufreq"
            put(root, f"{folder}/affected_cpus", " ".join(map(str, policy.cpus)))
            put(root, f"{folder}/scaling_available_frequencies", " ".join(map(str, policy.steps_khz)))
            put(root, f"{folder}/scaling_min_freq", str(policy.steps_khz[0]))
            put(root, f"{folder}/scaling_max_freq", str(policy.steps_khz[-1]))
            put(root, f"{folder}/scaling_cur_freq", str(policy.steps_khz[0]))
            for cpu in policy.cpus:
                link = root / f"{CPU[1:]}/cpu{cpu}/cpufreq"
                if not link.exists():
                    link.parent.mkdir(parents=True, exist_ok=True)
                    link.symlink_to(root / folder[1:])
            pairs.append(Pair(folder, "scaling_min_freq", "scaling_max_freq", "scaling_cur_freq", policy.steps_khz))
        return pairs

    def _build_gpu(self, root: Path) -> Pair:
        device = f"/sys/devices/{self.gpu_device}"
        node = f"{device}/devfreq/{self.gpu_node}"
        put(root, f"{node}/available_frequencies", " ".join(map(str, self.gpu_steps_hz)))
        put(root, f"{node}/min_freq", str(self.gpu_steps_hz[0]))
        put(root, f"{node}/max_freq", str(self.gpu_steps_hz[-1]))
        put(root, f"{node}/cur_freq", str(self.gpu_steps_hz[0]))
        if self.gpu_of_name:
            put(root, f"{device}/of_node/name", self.gpu_of_name, end="\0")
        if self.gpu_compatible:
            put(root, f"{device}/of_node/compatible", self.gpu_compatible, end="\0")
        if self.railgate:
            put(root, f"{device}/railgate_enable", "1")
        (root / node[1:] / "device").symlink_to(root / device[1:])
        # Another device with a clock, which sorts before every GPU and must not be taken for one.
        put(root, "/sys/devices/platform/15340000.vic/devfreq/15340000.vic/cur_freq", "115200000")
        shown = root / "sys/class/devfreq"
        shown.mkdir(parents=True, exist_ok=True)
        (shown / "15340000.vic").symlink_to(root / "sys/devices/platform/15340000.vic/devfreq/15340000.vic")
        (shown / self.gpu_node).symlink_to(root / node[1:])
        return Pair(f"/sys/class/devfreq/{self.gpu_node}", "min_freq", "max_freq", "cur_freq", self.gpu_steps_hz)


def put(root: Path, path: str, text: str, end: str = "\n") -> None:
    """One file of the tree, with its folders."""
    file = root / path[1:]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text + end)


def contents(root: Path) -> dict[str, bytes]:
    """Every file of the tree with its bytes."""
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


_BPMP = {
    f"{DEBUG}/bpmp/debug/clk/emc/rate": "204000000",
    f"{DEBUG}/bpmp/debug/clk/emc/min_rate": "204000000",
    f"{DEBUG}/bpmp/debug/clk/emc/max_rate": "2133000000",
    f"{DEBUG}/bpmp/debug/clk/emc/mrq_rate_locked": "0",
}
_T210_EMC = {
    f"{DEBUG}/clk/emc/clk_rate": "408000000",
    f"{DEBUG}/clk/override.emc/clk_rate": "408000000",
    f"{DEBUG}/clk/override.emc/clk_update_rate": "0",
    f"{DEBUG}/clk/override.emc/clk_state": "0",
    f"{DEBUG}/tegra_bwmgr/emc_min_rate": "40800000",
    f"{DEBUG}/tegra_bwmgr/emc_max_rate": "1600000000",
}
# The memory's steps of both, of the kernel's device trees. The kernel's sources show them at the bus, a program of
# others reads them at the clock itself.
T210_EMC_KHZ = (40800, 68000, 102000, 204000, 408000, 665600, 800000, 1065600, 1331200, 1600000)
_T210_STEPS = " ".join(map(str, T210_EMC_KHZ)) + " (kHz)"
_FOUR = (0, 1, 2, 3)

TX1 = Board(
    "TX1, kernel 4.9", Kernel49, (Policy(_FOUR, TX1_CPU_KHZ),), "57000000.gpu", "57000000.gpu", "gpu",
    "nvidia,tegra210-gm20b\0nvidia,gm20b", TX1_GPU_HZ, railgate=True,
    extra={**_T210_EMC, f"{DEBUG}/clk/emc_master/clk_possible_rates": _T210_STEPS},
)  # fmt: skip
NANO = Board(
    "Nano, kernel 4.9", Kernel49, (Policy(_FOUR, tuple(NANO_CPU_KHZ)),), "57000000.gpu", "57000000.gpu", "",
    "nvidia,tegra210-gm20b\0nvidia,gm20b", TX1_GPU_HZ[:12], railgate=True,
    extra={**_T210_EMC, f"{DEBUG}/clk/emc/clk_possible_rates": _T210_STEPS},
)  # fmt: skip
TX2 = Board(
    "TX2, kernel 4.9", Kernel49, (Policy((0, 3, 4, 5), TX2_A57_KHZ), Policy((1, 2), TX2_DENVER_KHZ)),
    "17000000.gp10b", "17000000.gp10b", "gp10b", "nvidia,tegra186-gp10b", TX2_GPU_HZ, railgate=True,
)  # fmt: skip
ORIN_510 = Board(
    "Orin, kernel 5.10", Kernel510, (Policy(_FOUR, ORIN_CPU_KHZ), Policy((4, 5, 6, 7), ORIN_CPU_KHZ)),
    "17000000.ga10b", "17000000.ga10b", "ga10b", "nvidia,ga10b", ORIN_GPU_HZ, railgate=True, extra=_BPMP,
)  # fmt: skip
ORIN_515 = Board(
    "Orin, kernel 5.15", Kernel510, (Policy(_FOUR, ORIN_CPU_KHZ), Policy((4, 5, 6, 7), ORIN_CPU_KHZ)),
    "platform/bus@0/17000000.gpu", "17000000.gpu", "gpu", "nvidia,ga10b", ORIN_GPU_HZ, railgate=True, extra=_BPMP,
)  # fmt: skip
TX1_310 = Board(
    "TX1, kernel 3.10", Kernel49, (Policy(_FOUR, TX1_CPU_KHZ),), policy_folders=False,
    extra={
        f"{CPU}/cpuquiet/tegra_cpuquiet/enable": "1",
        f"{DEBUG}/clock/gbus/rate": "76800000",
        f"{DEBUG}/clock/gbus/possible_rates": " ".join(str(hz // 1000) for hz in TX1_GPU_HZ) + " (kHz)",
        f"{DEBUG}/clock/override.gbus/rate": "998400000",
        f"{DEBUG}/clock/override.gbus/state": "0",
        f"{DEBUG}/clock/emc/rate": "68000000",
        f"{DEBUG}/clock/emc/possible_rates": "40800 68000 102000 204000 408000 665600 800000 1600000 (kHz)",
        f"{DEBUG}/clock/override.emc/rate": "0",
        f"{DEBUG}/clock/override.emc/state": "0",
    },
)  # fmt: skip
# No device tree is shown, as in a virtual machine.
PLAIN = Board(
    "no device tree, kernel 6.1", Kernel510, (Policy(_FOUR, TX1_CPU_KHZ),), "platform/57000000.gpu", "57000000.gpu",
    gpu_steps_hz=TX1_GPU_HZ,
)  # fmt: skip
BOARDS = (TX1, NANO, TX2, ORIN_510, ORIN_515, TX1_310, PLAIN)
