"""What the numbers of a model rest on: its constants, and how its results compare with published measurements."""

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
# The published quantities that test each kind of limit. Images/s are an inverse latency if inferences do not overlap.
_OF_KIND: Mapping[str, Collection[PublishedQuantity]] = {
    "latency": ("latency_s", "forward_s", "images_per_s"),
    "power": ("power_w", "active_power_w"),
}


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant of the model. `kind` says whether it was read in `source`, fitted to it, or assumed."""

    name: str
    value: float
    unit: str
    kind: Literal["read", "fitted", "assumed"]
    source: str


@dataclass(frozen=True, slots=True)
class PublishedCheck:
    """A published value and the model's value, both in the unit of `quantity`.

    `error_ratio` 0.1 means that the model is 10 % too high. `rail` is the power rail of a power. It is empty for
    other quantities, and in runs that did not store it.
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
    """How far a model is from `values` published values that it was not fitted to: the median and the largest error.

    Errors are absolute ratios (0.1 = 10 %). `name` says what was published, in words.
    """

    name: str
    values: int
    median_ratio: float
    worst_ratio: float


@dataclass(frozen=True, slots=True)
class Provenance:
    """All constants of a model, and its comparison with every published value that it can compute."""

    constants: tuple[Constant, ...]
    validation: tuple[PublishedCheck, ...]

    def error_of(self, kind: str) -> ModelError | None:
        """Return the model's error for `kind`, one of the values of `Quantity.kind`; None if no published value tests
        it.

        Values that the model was fitted to do not count. For power, only values of the whole board count if there are
        any.
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
