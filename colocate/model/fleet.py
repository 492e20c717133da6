"""The boards of a fleet, and how they share a study."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from colocate.model.machine import HostFacts


class Sharing(str, enum.Enum):
    """How boards share a study: SPREAD runs each block on one board, REPLICATE runs every block on every board."""

    SPREAD = "spread"
    REPLICATE = "replicate"


@dataclass(frozen=True, slots=True)
class Board:
    """A machine of a fleet: its unique name, and its facts at the time when a block began on it."""

    name: str
    facts: HostFacts
