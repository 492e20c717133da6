"""Jetsons as their owners left them: a board of `boards.py` in a power mode, with the files that say so.

The files are as public copies show them: /etc/nv_tegra_release, nvpmodel's state and its configuration (the lines
of the mode's own that matter here), /proc/swaps, the fan's settings. What no public source shows is left out of the
tree, and the comment above the board says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from colocate.model.board import BoardState, PowerMode
from tests.host import boards
from tests.host.boards import CPU, DEBUG, Board, Kernel, Kernel49, Kernel510, Policy, put

_CLUSTERS = tuple((first, first + 1) for first in (0, 2, 4))
# Known of Xavier NX is the highest step, 1907.2 MHz; the steps below it are those of AGX Xavier's list.
XAVIER_CPU_KHZ = tuple(range(115200, 1907201, 76800))
XAVIER_NX_GPU_HZ = tuple(
    round(mhz * 1e6)
    for mhz in (
        114.75, 204, 306, 408, 510, 599.25, 701.25, 752.25, 803.25, 854.25, 905.25, 956.25, 1007.25, 1058.25, 1109.25,
    )
)  # fmt: skip
ORIN_NANO_CPU_KHZ = tuple(range(115200, 1728001, 76800))
ORIN_NANO_GPU_HZ = tuple(mhz * 1_000_000 for mhz in range(306, 1021, 102))
T210_EMC_HZ = tuple(khz * 1000 for khz in boards.T210_EMC_KHZ)
TX2_EMC_KHZ = (40800, 68000, 102000, 204000, 408000, 665600, 800000, 1062400, 1331200, 1600000, 1866000)
_BPMP = f"{DEBUG}/bpmp/debug"


def _bpmp_emc(lowest_hz: int, highest_hz: int) -> dict[str, str]:
    return {
        f"{_BPMP}/clk/emc/rate": str(lowest_hz),
        f"{_BPMP}/clk/emc/min_rate": str(lowest_hz),
        f"{_BPMP}/clk/emc/max_rate": str(highest_hz),
        f"{_BPMP}/clk/emc/mrq_rate_locked": "0",
    }


@dataclass(frozen=True)
class Jetson:
    """A board with the `files` of its software, the caps of its mode, and what must be found there.

    Caps are per policy in kHz, and of the GPU in Hz; None leaves the clock at its highest. `emc_steps_hz` are those
    that a study may ask for.
    """

    board: Board
    files: Mapping[str, str]
    found: BoardState
    emc_steps_hz: tuple[int, ...]
    cpu_cap_khz: int | None = None
    gpu_cap_hz: int | None = None
    cpus: int = 4
    held: bool = False
    comms: tuple[str, ...] = field(default=("systemd", "sshd"))

    def build(self, root: Path) -> Kernel:
        """The tree, with limits as the mode and the owner have set them."""
        kernel = self.board.build(root)
        for pair in kernel.pairs:
            cap = self.gpu_cap_hz if "devfreq" in pair.folder else self.cpu_cap_khz
            if cap is not None:
                kernel.limit(pair, f"{pair.folder}/{pair.highest}", cap)
            if self.held:
                kernel.limit(pair, f"{pair.folder}/{pair.lowest}", kernel.bounds(pair)[1])
        off = self.found.cpus_off
        put(root, f"{CPU}/present", f"0-{self.cpus - 1}")
        put(root, f"{CPU}/online", ",".join(str(cpu) for cpu in range(self.cpus) if cpu not in off))
        for pid, comm in enumerate(self.comms, 1):
            put(root, f"/proc/{pid}/comm", comm)
        for path, text in self.files.items():
            put(root, path, text)
        return kernel


def release(major: int, revision: str) -> str:
    """The line that L4T puts into /etc/nv_tegra_release."""
    return f"# R{major} (release), REVISION: {revision}, GCID: 1, BOARD: any, EABI: aarch64, DATE: Wed"


def modes(*names: str) -> str:
    """The configuration of nvpmodel with these modes, numbered from 0. A commented one counts for nothing."""
    numbered = enumerate(names)
    models = "\n\n".join(f"< POWER_MODEL ID={number} NAME={name} >\nGPU MIN_FREQ 0" for number, name in numbered)
    return f"# < POWER_MODEL ID=0 NAME=COMMENT >\n{models}\n\n< PM_CONFIG DEFAULT=0 >\n"


_STATUS, _MODES, _RELEASE = "/var/lib/nvpmodel/status", "/etc/nvpmodel.conf", "/etc/nv_tegra_release"
_ISO_CAP, _CLK_CAP = "/sys/kernel/nvpmodel_emc_cap/emc_iso_cap", "/sys/kernel/nvpmodel_clk_cap/emc"
_SWAPS = "Filename Type Size Used Priority\n/dev/zram0 partition 507364 0 5\n/dev/zram1 partition 507364 0 5"

# The modes of TX1 (nvpmodel_t210.conf) are in no public copy: its mode has a number and no name.
TX1 = Jetson(
    boards.TX1,
    {_RELEASE: release(32, "7.1"), _STATUS: "pmode:0000", _ISO_CAP: "0", "/sys/devices/pwm-fan/temp_control": "1"},
    BoardState("32.7.1", PowerMode(0), (), False, "4.6.1", fan="by temperature"),
    T210_EMC_HZ,
)
# Mode 1, MAXQ: the Denver cores are off, the A57 end at 1.2 GHz, the GPU at 850 MHz, the memory at 1331.2 MHz.
# Neither 1200 nor 850 MHz is a step.
TX2 = Jetson(
    Board(
        "TX2 in MAXQ", Kernel49, (Policy((0, 3, 4, 5), boards.TX2_A57_KHZ),), "17000000.gp10b", "17000000.gp10b",
        "gp10b", "nvidia,tegra186-gp10b", boards.TX2_GPU_HZ, extra={
            **_bpmp_emc(40_800_000, 1_866_000_000),
            f"{_BPMP}/emc/possible_rates": " ".join(map(str, TX2_EMC_KHZ)) + " (kHz)",
        },
    ),
    {
        _RELEASE: release(32, "7.3"), _STATUS: "pmode:0001", _ISO_CAP: "1331200000",
        _MODES: modes("MAXN", "MAXQ", "MAXP_CORE_ALL", "MAXP_CORE_ARM", "MAXP_CORE_DENVER"),
    },
    BoardState("32.7.3", PowerMode(1, "MAXQ"), (1, 2), False, "4.6.3"),
    tuple(khz * 1000 for khz in TX2_EMC_KHZ[:-2]),
    cpu_cap_khz=1_200_000,
    gpu_cap_hz=850_000_000,
    cpus=6,
)  # fmt: skip
# Mode 1, 5W: two CPUs, 918 MHz, and a cap of the GPU that is no step of it: 640 MHz.
NANO = Jetson(
    Board(
        "Nano in 5W", Kernel49, (Policy((0, 1), tuple(boards.NANO_CPU_KHZ)),), "57000000.gpu", "57000000.gpu", "",
        "nvidia,tegra210-gm20b\0nvidia,gm20b", boards.TX1_GPU_HZ[:12], railgate=True, extra=boards.NANO.extra,
    ),
    {
        _RELEASE: release(32, "6.1"), _STATUS: "pmode:0001", _ISO_CAP: "1600000000", _MODES: modes("MAXN", "5W"),
        "/proc/swaps": _SWAPS, "/sys/devices/pwm-fan/temp_control": "0",
    },
    BoardState("32.6.1", PowerMode(1, "5W"), (2, 3), False, "4.6", True, 2 * 507364 * 1024, "at a fixed speed"),
    T210_EMC_HZ,
    cpu_cap_khz=918_000,
    gpu_cap_hz=640_000_000,
    comms=("systemd", "Xorg", "gnome-shell"),
)  # fmt: skip
# Mode 2, MODE_15W_6CORE: all CPUs, 1420.8 MHz, with jetson_clocks at the maximum of the mode. What the mode allows
# the GPU and the memory is in no source at hand: both are left at their highest. Nor is the memory's table, so the
# tree has its ends alone.
XAVIER_NX = Jetson(
    Board(
        "Xavier NX with jetson_clocks", Kernel510, tuple(Policy(cpus, XAVIER_CPU_KHZ) for cpus in _CLUSTERS),
        "17000000.gv11b", "17000000.gv11b", "gv11b", "nvidia,gv11b", XAVIER_NX_GPU_HZ,
        extra=_bpmp_emc(204_000_000, 1_866_000_000),
    ),
    {
        _RELEASE: release(35, "3.1"), _STATUS: "pmode:0002",
        _MODES: modes("MODE_15W_2CORE", "MODE_15W_4CORE", "MODE_15W_6CORE", "MODE_10W_2CORE", "MODE_10W_4CORE"),
        "/etc/nvfancontrol.conf": "<FAN_COMMON>\n\tFAN_DEFAULT_PROFILE quiet\n",
    },
    BoardState("35.3.1", PowerMode(2, "MODE_15W_6CORE"), (), True, "5.1.1", fan="profile quiet"),
    (204_000_000, 1_866_000_000),
    cpu_cap_khz=1_420_800,
    cpus=6,
    held=True,
)  # fmt: skip
# Mode 0, 15W, of the Super configuration, in which MAXN_SUPER is mode 2: 1510.4 MHz, 612 MHz (the cap is 624.75), and
# the memory at 2133 of 3199 MHz. The power processor shows the memory's table there.
ORIN_NANO = Jetson(
    Board(
        "Orin Nano in 15W", Kernel510, (Policy((0, 1, 2, 3), ORIN_NANO_CPU_KHZ), Policy((4, 5), ORIN_NANO_CPU_KHZ)),
        "platform/bus@0/17000000.gpu", "17000000.gpu", "gpu", "nvidia,ga10b", ORIN_NANO_GPU_HZ,
        extra={
            **_bpmp_emc(204_000_000, 3_199_000_000),
            f"{_BPMP}/emc/possible_rates": "204000 665600 2133000 3199000 (kHz)",
        },
    ),
    {
        _RELEASE: release(36, "5.0"), _STATUS: "pmode:0000", _CLK_CAP: "2133000000",
        _MODES: modes("15W", "25W", "MAXN_SUPER", "7W"),
        "/etc/nvfancontrol.conf": "\tFAN_DEFAULT_PROFILE cool\n",
    },
    BoardState("36.5.0", PowerMode(0, "15W"), (), False, "6.2.2", fan="profile cool"),
    (204_000_000, 665_600_000, 2_133_000_000),
    cpu_cap_khz=1_510_400,
    gpu_cap_hz=624_750_000,
    cpus=6,
)  # fmt: skip
# Known of Thor are the names of its nodes and the highest clock of each: 1575 MHz and 4266 MHz. Its modes, its CPU
# clocks and every table are in no source at hand, so the tree has none, and no clock of it can be set.
THOR = Jetson(
    Board(
        "Thor", Kernel510, (),
        extra={
            "/sys/class/devfreq/gpu-gpc-0/min_freq": "0",
            "/sys/class/devfreq/gpu-gpc-0/max_freq": "1575000000",
            "/sys/class/devfreq/gpu-gpc-0/cur_freq": "1575000000",
            "/sys/class/devfreq/bwmgr/min_freq": "0",
            "/sys/class/devfreq/bwmgr/max_freq": "4266000000",
            "/sys/class/devfreq/bwmgr/cur_freq": "4266000000",
        },
    ),
    {_RELEASE: release(38, "2.0")},
    BoardState("38.2.0", None, (), False, "7.0"),
    (),
    cpus=14,
)  # fmt: skip
JETSONS = (TX1, TX2, NANO, XAVIER_NX, ORIN_NANO, THOR)
