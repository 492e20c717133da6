"""A fleet of boards: what one is, and how they share a study."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from colocate.model.machine import HostFacts


class Sharing(str, enum.Enum):
    """How boards share a study: each block runs on one of them, or every block on each."""

    SPREAD = "spread"
    REPLICATE = "replicate"


@dataclass(frozen=True, slots=True)
class Board:
    """A machine of a fleet: its name, which is unique, and the facts of the machine when a block began on it."""

    name: str
    facts: HostFacts
