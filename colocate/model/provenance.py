"""What the numbers of a model rest on: its constants, and the model beside what others published."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

PublishedRole = Literal["calibration", "not fitted"]
PublishedQuantity = Literal[
    "latency_s", "forward_s", "layers_s", "layer_s", "images_per_s", "power_w", "active_power_w", "peak_power_w"
]

# The rail of the whole board, which a power budget limits.
BOARD_RAIL = "VDD_IN"
# The published quantities that are of the kind of a limit; images/s, back to back, are a latency turned round.
_OF_KIND: Mapping[str, Collection[PublishedQuantity]] = {
    "latency": ("latency_s", "forward_s", "images_per_s"),
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
    """A published figure beside the model's, both in the unit of `quantity`; an error of 0.1 is 10 % too high.

    `rail` is what a power is of; empty of another quantity, and in a run that did not store it.
    """

    figure: str
    source: str
    role: PublishedRole
    quantity: PublishedQuantity
    published: float
    model: float
    error_ratio: float
    rail: str = ""


@dataclass(frozen=True, slots=True)
class ModelError:
    """How far a model is off `values` published figures that it was not fitted to: in the median and at worst.

    `name` is what they are figures of, in words.
    """

    name: str
    values: int
    median_ratio: float
    worst_ratio: float


@dataclass(frozen=True, slots=True)
class Provenance:
    """All constants of a model, and the model against every published figure that it can give."""

    constants: tuple[Constant, ...]
    validation: tuple[PublishedCheck, ...]

    def error_of(self, kind: str) -> ModelError | None:
        """How far the model is off in a `Quantity.kind`; None where nothing tests it.

        Figures that it was fitted to are no test of it. Of powers those of the whole board count, where any is known.
        """
        tests = [
            check
            for check in self.validation
            if check.role == "not fitted" and check.quantity in _OF_KIND.get(kind, ())
        ]
        of_board = [check for check in tests if check.rail == BOARD_RAIL]
        rates = any(check.quantity == "images_per_s" for check in tests)
        name = "board power" if of_board else "latency and throughput" if rates else kind
        errors = [abs(check.error_ratio) for check in of_board or tests]
        return ModelError(name, len(errors), statistics.median(errors), max(errors)) if errors else None
