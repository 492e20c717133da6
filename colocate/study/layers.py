"""Where a network's time and energy go: fused layers grouped, added up, and compared with the whole network."""

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
# Group -> ONNX operators. A fused layer belongs to the first group that holds any of its operators.
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
    # Only their own time: the layers in their bodies belong to the groups of these layers.
    "control flow": ("If", "Loop", "Scan"),
    # The last four are not layers of the network: ONNX Runtime inserts them.
    "data movement": (
        "Concat", "Flatten", "Reshape", "Transpose", "Slice", "Split", "Squeeze", "Unsqueeze",
        "ReorderInput", "ReorderOutput", "MemcpyFromHost", "MemcpyToHost",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Group:
    """The fused layers under one label, with sums over them per inference."""

    name: str
    fused_layers: tuple[FusedLayer, ...]

    @property
    def time_s(self) -> float | None:
        """Time in s of the fused layers that were timed; None if none was."""
        timed = [layer.time_s.value for layer in self.fused_layers if layer.time_s is not None]
        return sum(timed) if timed else None

    @property
    def energy_j(self) -> float | None:
        """Energy in J of all fused layers; None if any is unknown."""
        return _sum(None if layer.energy_j is None else layer.energy_j.value for layer in self.fused_layers)

    @property
    def flop(self) -> int | None:
        """FLOP of the fused layers that hold layers of the network; None if any is unknown."""
        return _sum(layer.flop for layer in self.fused_layers if layer.layers)

    @property
    def moved_bytes(self) -> int | None:
        """Bytes moved by the same fused layers as in `flop`; None if any is unknown."""
        return _sum(layer.moved_bytes for layer in self.fused_layers if layer.layers)


@dataclass(frozen=True, slots=True)
class Balance:
    """The time of all fused layers together (`sum_s`), and of the network run without a profiler (`whole_s`)."""

    sum_s: float
    whole_s: float

    @property
    def difference_ratio(self) -> float:
        """`sum_s` / `whole_s` - 1: 0.05 if the layers add up to 5 % more than the whole network takes."""
        return self.sum_s / self.whole_s - 1

    @property
    def adds_up(self) -> bool:
        """Whether `sum_s` and `whole_s` differ by at most `MISMATCH_RATIO`."""
        return abs(self.difference_ratio) <= MISMATCH_RATIO


MISMATCH_RATIO = 0.25
"""The largest `Balance.difference_ratio`, up or down, at which the time of a single layer is still trusted."""

RESOLVED_RATIO = 0.20
"""The largest ratio of half an interval's width to the power above idle at which an energy is still given."""


def difference(
    power_w: Mapping[int, float], idle_w: Mapping[int, float], confidence: float = 0.95
) -> Interval | None:
    """Return the power above idle in W, with Student's t interval over repeats; None if no repeat has both means.

    `power_w` and `idle_w` are mean powers in W by repeat. One repeat gives a value without an interval.
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
    """Return the powers above idle in W of all subgraphs of a network, each interval widened by the error of the idle
    power.

    Nothing draws less than idle, so the most negative of `powers_w` shows this error. The spread over repeats hides
    it: in every repeat, the idle window finds the machine as warm as the window before it left it.
    """
    error_w = max((-above.value for above in powers_w if above.value < 0), default=0.0)
    return [
        above if above.lo is None or above.hi is None
        else Interval(above.value, above.lo - error_w, above.hi + error_w)
        for above in powers_w
    ]  # fmt: skip


def resolved(above_w: Interval) -> bool:
    """Whether a power above idle is positive, and its interval is narrow enough for an energy (`RESOLVED_RATIO`)."""
    return (
        above_w.value > 0 and above_w.hi is not None and above_w.hi - above_w.value <= RESOLVED_RATIO * above_w.value
    )


def energy_j(above_w: Interval, time_s: Interval) -> Interval | None:
    """Return power above idle times time, in J; None if the power is not `resolved`.

    The relative half-widths of the intervals add as squares, because power and time come from different windows.
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
    """Return `fused_layers` with the time of the step that ran each, and its energy if the profiles have it.

    `windows` holds one profile per window. Values are geometric means over them, with intervals. A layer without a
    step stays unchanged. Steps of the same name are distinguished by the steps around them.
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
    """Return the kind of the layer's module (such as `fire module`) or, outside modules, of its operators
    (`pooling`).
    """
    if layer.module is not None:
        return next(kind for prefix, kind in _MODULE_KINDS.items() if layer.module.startswith(prefix))
    kinds = {standard_operator(kind) for kind in layer.kind.split("+")}
    return next((group for group, members in _GROUPS.items() if kinds & set(members)), "other")


def by_module(layer: FusedLayer) -> str:
    """Return the name of the layer's module, or the layer's own name if it is in none."""
    return layer.module or layer.full_name


def grouped(fused_layers: Iterable[FusedLayer], label: Callable[[FusedLayer], str]) -> tuple[Group, ...]:
    """Return the fused layers in one Group per label, in the order in which the labels first run."""
    groups: defaultdict[str, list[FusedLayer]] = defaultdict(list)
    for layer in fused_layers:
        groups[label(layer)].append(layer)
    return tuple(Group(name, tuple(own)) for name, own in groups.items())


def balance(fused_layers: Sequence[FusedLayer], whole_s: float) -> Balance | None:
    """Return the times of all fused layers and `whole_s`, the network's p50 in s; None if no layer was timed."""
    sum_s = Group("", tuple(fused_layers)).time_s
    return None if sum_s is None else Balance(sum_s, whole_s)


def _sum(values: Iterable[_T | None]) -> _T | None:
    """Return the sum of the numbers; None if one is unknown or there are none."""
    known = list(values)
    return functools.reduce(operator.add, known) if known and None not in known else None
