"""Meter Jetson boards through jtop's service (package jetson-stats), for users who may not read the monitors
themselves.

The service refreshes about once a second: enough for long windows, not for the energy of one inference. Its total is
used only if it is a rail of the board: in sums of its own, jtop has counted rails twice (rbonghi/jetson_stats issues
51 and 344). The package is AGPL, so it is imported only if the user installed it.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from colocate.model.machine import Missing
from colocate.power import ina3221
from colocate.power.meter import Meter, MeterKind

_MW = 1e-3
_INTERVAL_S = 1.0
_SOCKET = "run/jtop.sock"
# What jtop calls a total that it added up itself.
_SUM = "ALL"


def find(root: Path) -> Iterator[Meter | Missing]:
    """Yield one meter for all rails, or a Missing with the reason; nothing if the monitors can be read directly."""
    if ina3221.readable(root):
        return
    if not (root / _SOCKET).exists():
        fix = "only Jetson boards have it; there: sudo pip install jetson-stats && sudo systemctl restart jtop"
        yield Missing("no jtop service is running", fix)
        return
    try:
        jtop = importlib.import_module("jtop")
    except ModuleNotFoundError:
        yield Missing("the package jetson-stats is not installed in this Python", "pip install jetson-stats")
        return
    try:
        yield Jtop(jtop)
    except (OSError, jtop.JtopException) as error:
        yield Missing(f"the jtop service: {error}", "sudo usermod -aG jtop $USER, then log in again")


class Jtop:
    """A client of jtop's service. Raises JtopException or OSError if the service gives no rails."""

    kind = MeterKind.POWER
    declared_period_s = _INTERVAL_S

    def __init__(self, jtop: Any) -> None:
        self._client = jtop.jtop(interval=_INTERVAL_S)
        self._client.start()
        # Nothing has been received before the first `ok`.
        shown = self._client.power if self._client.ok() else None
        if not isinstance(shown, Mapping):
            self._client.close()
            raise jtop.JtopException("it shows no power; jetson-stats 4 or newer is needed")
        self.rails = tuple(_power_mw(shown))

    def read(self) -> list[float]:
        """Return the power in W that the service gave last; see `Meter.read`."""
        power_mw = _power_mw(self._client.power) if self._client.is_alive() else {}
        return [power_mw.get(rail, math.nan) * _MW for rail in self.rails]

    def close(self) -> None:
        """See `Meter.close`."""
        self._client.close()


def _power_mw(power: Mapping[str, Any]) -> dict[str, float]:
    rails = dict(power["rail"])
    total = power["tot"]
    if total.get("name", _SUM) != _SUM:
        rails[total["name"]] = total
    return {name: float(rail["power"]) for name, rail in rails.items() if rail["online"]}
