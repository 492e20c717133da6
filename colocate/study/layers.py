"""Where a network's time goes: its layers as a runtime ran them, grouped, added up, set against the machine."""

from __future__ import annotations

import dataclasses
import functools
import math
import operator
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy.special import stdtrit

from colocate.model.cell import Interval
from colocate.model.layers import FusedLayer, standard_operator
from colocate.model.trial import Step
from colocate.study.interference import INTERVAL_MIN_BLOCKS
from colocate.study.stats import geometric_mean

_T = TypeVar("_T", int, float)

_MODULE_KINDS = {"fire": "fire module", "inception": "inception module", "res": "residual block"}
# Group -> ONNX operators. Of a fused layer the first group counts in which any of its operators is.
_GROUPS = {
    "convolution": ("Conv", "ConvTranspose", "ConvInteger"),
    "fully connected": ("Gemm", "MatMul", "MatMulInteger"),
    "normalisation": ("LRN", "BatchNormalization", "InstanceNormalization", "LayerNormalization"),
    "pooling": ("MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool"),
    "softmax": ("Softmax", "LogSoftmax"),
    "element-wise": (
        "Relu", "LeakyRelu", "Sigmoid", "Tanh", "Clip", "Add", "Sub", "Mul", "Div", "Sum",
        "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear",
    ),
    # Their own time alone: what their bodies run counts by its own kind.
    "control flow": ("If", "Loop", "Scan"),
    # The last four are no layers: ONNX Runtime puts them in.
    "data movement": (
        "Concat", "Flatten", "Reshape", "Transpose", "Slice", "Split", "Squeeze", "Unsqueeze",
        "ReorderInput", "ReorderOutput", "MemcpyFromHost", "MemcpyToHost",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Group:
    """Fused layers under one label, added up. A sum is None where nothing is known of it."""

    name: str
    fused_layers: tuple[FusedLayer, ...]

    @property
    def time_s(self) -> float | None:
        """Time of all fused layers that were timed."""
        timed = [layer.time_s.value for layer in self.fused_layers if layer.time_s is not None]
        return sum(timed) if timed else None

    @property
    def energy_j(self) -> float | None:
        """Energy of all fused layers; None where any is unknown."""
        return _sum(None if layer.energy_j is None else layer.energy_j.value for layer in self.fused_layers)

    @property
    def flop(self) -> int | None:
        """FLOP of all fused layers that hold layers."""
        return _sum(layer.flop for layer in self.fused_layers if layer.layers)

    @property
    def moved_bytes(self) -> int | None:
        """Bytes of all fused layers that hold layers."""
        return _sum(layer.moved_bytes for layer in self.fused_layers if layer.layers)


@dataclass(frozen=True, slots=True)
class Balance:
    """The times of all fused layers together, against the whole network run without a profiler."""

    sum_s: float
    whole_s: float

    @property
    def difference_ratio(self) -> float:
        """Sum over whole, less 1: 0.05 where the layers add up to 5 % more than the network takes."""
        return self.sum_s / self.whole_s - 1

    @property
    def adds_up(self) -> bool:
        """Whether the two differ by no more than `MISMATCH_RATIO`."""
        return abs(self.difference_ratio) <= MISMATCH_RATIO


MISMATCH_RATIO = 0.25
"""Difference of all layers together from the network, over the network: beyond this, no layer's time is certain."""

RESOLVED_RATIO = 0.20
"""Half the width of the interval of a power above idle, over the power: beyond this, no energy is given."""


def difference(
    power_w: Mapping[int, float], idle_w: Mapping[int, float], confidence: float = 0.95
) -> Interval | None:
    """Power above idle in W, from one mean of each per repeat: of the repeats that have both, Student's t interval.

    None where no repeat has both.
    """
    above_w = np.array([power_w[repeat] - idle_w[repeat] for repeat in sorted(power_w.keys() & idle_w.keys())])
    if not len(above_w):
        return None
    mean, repeats = float(above_w.mean()), len(above_w)
    if repeats < INTERVAL_MIN_BLOCKS:
        return Interval(mean, None, None)
    half = float(stdtrit(repeats - 1, (1 + confidence) / 2) * above_w.std(ddof=1)) / math.sqrt(repeats)
    return Interval(mean, mean - half, mean + half)


def allowing_for_idle(powers_w: Sequence[Interval]) -> list[Interval]:
    """The powers above idle of all subgraphs of a network, each interval wider by the error of idle itself.

    Nothing draws less than idle. By as much as the lowest seems to, the idle windows were off: they find the machine
    as hot as what ran before left it, the same way in each repeat, of which the spread over repeats shows nothing.
    """
    error_w = max((-above.value for above in powers_w if above.value < 0), default=0.0)
    return [
        above if above.lo is None or above.hi is None
        else Interval(above.value, above.lo - error_w, above.hi + error_w)
        for above in powers_w
    ]  # fmt: skip


def resolved(above_w: Interval) -> bool:
    """Whether a power above idle is there, and known to `RESOLVED_RATIO`."""
    return (
        above_w.value > 0 and above_w.hi is not None and above_w.hi - above_w.value <= RESOLVED_RATIO * above_w.value
    )


def energy_j(above_w: Interval, time_s: Interval) -> Interval | None:
    """Power above idle, multiplied by time; None where the power is not `resolved`.

    The relative half widths of both are added as squares: the two are measured in different windows.
    """
    if not resolved(above_w) or above_w.hi is None:
        return None
    value = above_w.value * time_s.value
    parts = [above_w.hi / above_w.value - 1, 0.0 if time_s.hi is None else time_s.hi / time_s.value - 1]
    half = value * math.hypot(*parts)
    return Interval(value, value - half, value + half)


def timed(
    fused_layers: Iterable[FusedLayer], windows: Sequence[Sequence[Step]], confidence: float = 0.95
) -> tuple[FusedLayer, ...]:
    """`fused_layers` with the geometric means of their steps over the profiles of all windows, with intervals.

    Energies likewise, where the profiles have them. A layer without a step stays as it is. Steps of one name are told
    apart by what they lie in.
    """
    by_step: defaultdict[tuple[tuple[str, ...], str | None], list[Step]] = defaultdict(list)
    for window in windows:
        for step in window:
            by_step[step.within, step.name].append(step)
    return tuple(
        dataclasses.replace(
            layer,
            time_s=_mean([step.time_s for step in by_step[layer.within, layer.step]], confidence),
            energy_j=_mean([step.energy_j for step in by_step[layer.within, layer.step]], confidence),
        )
        if (layer.within, layer.step) in by_step
        else layer
        for layer in fused_layers
    )


def _mean(values: Sequence[float | None], confidence: float) -> Interval | None:
    known = np.array([value for value in values if value is not None])
    return geometric_mean(known, confidence) if len(known) and len(known) == len(values) else None


def by_kind(layer: FusedLayer) -> str:
    """`convolution`, `pooling`, `fully connected`, ...; inside a module, the module's kind."""
    if layer.module is not None:
        return next(kind for prefix, kind in _MODULE_KINDS.items() if layer.module.startswith(prefix))
    kinds = {standard_operator(kind) for kind in layer.kind.split("+")}
    return next((group for group, members in _GROUPS.items() if kinds & set(members)), "other")


def by_module(layer: FusedLayer) -> str:
    """The name of the layer's module; the layer's own name where it is in none."""
    return layer.module or layer.full_name


def grouped(fused_layers: Iterable[FusedLayer], label: Callable[[FusedLayer], str]) -> tuple[Group, ...]:
    """The fused layers under each label, labels in the order in which they first run."""
    groups: defaultdict[str, list[FusedLayer]] = defaultdict(list)
    for layer in fused_layers:
        groups[label(layer)].append(layer)
    return tuple(Group(name, tuple(own)) for name, own in groups.items())


def balance(fused_layers: Sequence[FusedLayer], whole_s: float) -> Balance | None:
    """All fused layers against the network's p50, both in seconds; None where nothing was timed."""
    sum_s = Group("", tuple(fused_layers)).time_s
    return None if sum_s is None else Balance(sum_s, whole_s)


def _sum(values: Iterable[_T | None]) -> _T | None:
    """The sum of the numbers; None where one is unknown, or there are none."""
    known = list(values)
    return functools.reduce(operator.add, known) if known and None not in known else None
