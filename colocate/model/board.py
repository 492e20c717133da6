"""The state in which a study found a Jetson board. Its owner set this state, and colocate records it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PowerMode:
    """A power mode of nvpmodel, NVIDIA's tool that limits clocks and CPUs. The same number or name may mean different
    modes on two boards. `name` is empty if unknown.
    """

    number: int
    name: str = ""

    @property
    def words(self) -> str:
        """`1 (5W)`, or `1` if the name is unknown."""
        return f"{self.number} ({self.name})" if self.name else str(self.number)


@dataclass(frozen=True, slots=True)
class BoardState:
    """What was set on a Jetson when a study began. An empty text and None mean unknown.

    `l4t` is the version of Jetson Linux, `cpus_off` are the CPUs that are switched off, and `zram_bytes` is the size
    of compressed swap. `clocks_held` is true if the limits of each CPU and GPU clock leave one value, as NVIDIA's
    jetson_clocks sets them. Equality compares the first four fields, which decide how fast a network runs.
    """

    l4t: str = ""
    power_mode: PowerMode | None = None
    cpus_off: tuple[int, ...] = ()
    clocks_held: bool | None = None
    jetpack: str = field(default="", compare=False)
    desktop: bool = field(default=False, compare=False)
    zram_bytes: int = field(default=0, compare=False)
    fan: str = field(default="", compare=False)

    @property
    def words(self) -> dict[str, str]:
        """Each setting as text, by its name. Those that influence measurements come first."""
        held = {None: "unknown", True: "held at one clock, as by jetson_clocks", False: "free within the power mode"}
        software = f"L4T {self.l4t or 'unknown'}, JetPack {self.jetpack or 'unknown'}"
        return {
            "software": software,
            "power mode": "unknown" if self.power_mode is None else self.power_mode.words,
            "CPUs switched off": ", ".join(map(str, self.cpus_off)) or "none",
            "clocks as found": held[self.clocks_held],
            "desktop": "running" if self.desktop else "not running",
            "zram": f"{self.zram_bytes / (1 << 20):.0f} MiB of swap" if self.zram_bytes else "none",
            "fan": self.fan or "unknown",
        }

    @property
    def conditions(self) -> dict[str, str]:
        """The entries of `words` that influence measurements. If they differ, `compare` adds a note about it."""
        names = ("software", "power mode", "CPUs switched off", "clocks as found")
        return {name: self.words[name] for name in names}
