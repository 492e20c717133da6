"""A board as it was found: what its owner has set, and colocate never does."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PowerMode:
    """A power mode of nvpmodel. Numbers and names do not carry over between boards; the name may be unknown."""

    number: int
    name: str = ""

    @property
    def words(self) -> str:
        """`1 (5W)`, or `1` where the name is unknown."""
        return f"{self.number} ({self.name})" if self.name else str(self.number)


@dataclass(frozen=True, slots=True)
class BoardState:
    """What was set on a Jetson when a study began. Empty and None are unknown, `cpus_off` are CPUs without power.

    `clocks_held`: CPU and GPU clocks have no range left, as jetson_clocks leaves them. Two states that are equal run
    a network alike; the fields after those describe the board, and their differences make no run incomparable.
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
        """Each fact by its name, in words, those that decide the numbers first."""
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
        """Those of `words` that must be the same for two runs to be comparable."""
        names = ("software", "power mode", "CPUs switched off", "clocks as found")
        return {name: self.words[name] for name in names}
