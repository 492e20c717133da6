"""What the numbers of a model rest on: its constants, and the model beside what others published."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

PublishedRole = Literal["calibration", "not fitted"]
PublishedQuantity = Literal[
    "latency_s", "forward_s", "layers_s", "layer_s", "images_per_s", "power_w", "active_power_w", "peak_power_w"
]

# The published quantities that are of the kind of a limit.
_OF_KIND: Mapping[str, Collection[PublishedQuantity]] = {
    "latency": ("latency_s", "forward_s"),
    "power": ("power_w", "active_power_w"),
}


@dataclass(frozen=True, slots=True)
class Constant:
    """A number that the model rests on, and whether it was read in its source, fitted to it, or assumed."""

    name: str
    value: float
    unit: str
    kind: Literal["read", "fitted", "assumed"]
    source: str


@dataclass(frozen=True, slots=True)
class PublishedCheck:
    """A published figure beside the model's, both in the unit of `quantity`; an error of 0.1 is 10 % too high."""

    figure: str
    source: str
    role: PublishedRole
    quantity: PublishedQuantity
    published: float
    model: float
    error_ratio: float


@dataclass(frozen=True, slots=True)
class Provenance:
    """All constants of a model, and the model against every published figure that it can give."""

    constants: tuple[Constant, ...]
    validation: tuple[PublishedCheck, ...]

    def error_ratio(self, kind: str) -> float | None:
        """How far the model is off published figures of a `Quantity.kind`, in the median; None where it has none."""
        errors = [abs(check.error_ratio) for check in self.figures(kind)]
        return statistics.median(errors) if errors else None

    def figures(self, kind: str) -> Sequence[PublishedCheck]:
        """The published figures of a `Quantity.kind`."""
        return [check for check in self.validation if check.quantity in _OF_KIND.get(kind, ())]
