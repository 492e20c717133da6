"""Where a network's time goes: its layers as a runtime ran them, grouped, added up, set against the machine."""

from __future__ import annotations

import dataclasses
import functools
import math
import operator
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy.special import stdtrit

from colocate.study.interference import INTERVAL_MIN_BLOCKS
from colocate.study.model import Interval, Step
from colocate.study.stats import geometric_mean

_T = TypeVar("_T", int, float)

# Layers of one module share its name, which the authors' files give them: fire2/..., inception_3a/..., res4b12_....
_MODULE = re.compile(r"(fire|inception|res)_?\d+[a-z]?\d*(?=[/_]|$)")
_MODULE_KINDS = {"fire": "fire module", "inception": "inception module", "res": "residual block"}
# Group -> ONNX operators. Of a fused block the first group counts in which any of its operators is.
_GROUPS = {
    "convolution": ("Conv", "ConvTranspose", "ConvInteger", "QLinearConv"),
    "fully connected": ("Gemm", "MatMul", "MatMulInteger", "QLinearMatMul"),
    "normalisation": ("LRN", "BatchNormalization", "InstanceNormalization", "LayerNormalization"),
    "pooling": ("MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool"),
    "softmax": ("Softmax", "LogSoftmax"),
    "element-wise": ("Relu", "LeakyRelu", "Sigmoid", "Tanh", "Clip", "Add", "Sub", "Mul", "Div", "Sum"),
    # The last four are no layers: ONNX Runtime puts them in.
    "data movement": (
        "Concat", "Flatten", "Reshape", "Transpose", "Slice", "Split", "Squeeze", "Unsqueeze",
        "ReorderInput", "ReorderOutput", "MemcpyFromHost", "MemcpyToHost",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Block:
    """What a runtime ran as one: a layer, several that it fused, or a step of its own, which holds no layers.

    `kind` is the operators, joined by +. `flop` (2 per multiply-accumulate, nothing else counted) and `moved_bytes`
    (activations that enter and leave the block and its weights, each once) are of one inference; None where the
    graph does not tell. `time_s` is None for layers that no step of the runtime could be matched with, `energy_j`
    where no meter could resolve it. `step` is the name of the runtime's step that ran it.
    """

    name: str
    kind: str
    layers: tuple[str, ...]
    flop: int | None
    moved_bytes: int | None
    time_s: Interval | None = None
    energy_j: Interval | None = None
    step: str | None = None
    power_w: Interval | None = None

    @property
    def alone(self) -> bool:
        """Whether no step of a runtime's profile holds it: what a network does beside its layers."""
        return not self.layers and self.step is None

    @property
    def module(self) -> str | None:
        """The module that all its layers belong to: `fire2`, `inception_3a`, `res4b12`."""
        found = {match[0] if (match := _MODULE.match(layer)) else None for layer in self.layers}
        return found.pop() if len(found) == 1 else None

    @property
    def intensity_flop_per_byte(self) -> float | None:
        """Where it stands on a roofline's horizontal axis; None for a block that multiplies nothing."""
        return self.flop / self.moved_bytes if self.flop and self.moved_bytes else None

    @property
    def flop_per_s(self) -> float | None:
        """Where it stands on a roofline's vertical axis."""
        return self.flop / self.time_s.value if self.flop and self.time_s else None


@dataclass(frozen=True, slots=True)
class Anatomy:
    """What a rig's runtime makes of a network, and what its own profile will tell of it.

    `blocks` have no times yet. The profile of a window gives times where it is `timed`, and energies where it is
    `metered`; what it does not give must be looked at block by block. `ceilings` are of a rig that knows its own.
    """

    blocks: tuple[Block, ...]
    timed: bool
    metered: bool = False
    ceilings: Ceilings | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Blocks under one label, added up. A sum is None where nothing is known of it."""

    name: str
    blocks: tuple[Block, ...]

    @property
    def time_s(self) -> float | None:
        """Time of all blocks that were timed."""
        timed = [block.time_s.value for block in self.blocks if block.time_s is not None]
        return sum(timed) if timed else None

    @property
    def energy_j(self) -> float | None:
        """Energy of all blocks; None where any is unknown."""
        return _sum(None if block.energy_j is None else block.energy_j.value for block in self.blocks)

    @property
    def flop(self) -> int | None:
        """FLOP of all blocks that hold layers."""
        return _sum(block.flop for block in self.blocks if block.layers)

    @property
    def moved_bytes(self) -> int | None:
        """Bytes of all blocks that hold layers."""
        return _sum(block.moved_bytes for block in self.blocks if block.layers)


@dataclass(frozen=True, slots=True)
class Balance:
    """The times of all blocks together, against the whole network run without a profiler."""

    sum_s: float
    whole_s: float

    @property
    def difference_ratio(self) -> float:
        """Sum over whole, less 1: 0.05 where the layers add up to 5 % more than the network takes."""
        return self.sum_s / self.whole_s - 1


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What the machine can do at best, both measured."""

    flop_per_s: float
    bytes_per_s: float

    def at(self, intensity_flop_per_byte: float) -> float:
        """The roof in FLOP/s: memory below the ridge, arithmetic above it.

        Williams, Waterman and Patterson, "Roofline", Communications of the ACM 52(4), 2009.
        """
        return min(self.flop_per_s, self.bytes_per_s * intensity_flop_per_byte)


RESOLVED_RATIO = 0.20
"""Half the width of the interval of a power above idle, over the power: beyond this, no energy is told from it."""


def difference(
    power_w: Mapping[int, float], idle_w: Mapping[int, float], confidence: float = 0.95
) -> Interval | None:
    """Power above idle in W, from one mean of each per round: of the rounds that have both, Student's t interval.

    None where no round has both.
    """
    above_w = np.array([power_w[round_] - idle_w[round_] for round_ in sorted(power_w.keys() & idle_w.keys())])
    if not len(above_w):
        return None
    mean, rounds = float(above_w.mean()), len(above_w)
    if rounds < INTERVAL_MIN_BLOCKS:
        return Interval(mean, None, None)
    half = float(stdtrit(rounds - 1, (1 + confidence) / 2) * above_w.std(ddof=1)) / math.sqrt(rounds)
    return Interval(mean, mean - half, mean + half)


def allowing_for_idle(powers_w: Sequence[Interval]) -> list[Interval]:
    """The powers above idle of all pieces of a network, each interval wider by the error of idle itself.

    Nothing draws less than idle. By as much as the lowest seems to, the idle windows were off: they find the machine
    as hot as what ran before left it, the same way in each round, of which the spread over rounds tells nothing.
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
    """Power above idle times time; None where the power is not `resolved`.

    The relative half widths of both are added as squares: the two are measured in different windows.
    """
    if not resolved(above_w) or above_w.hi is None:
        return None
    value = above_w.value * time_s.value
    parts = [above_w.hi / above_w.value - 1, 0.0 if time_s.hi is None else time_s.hi / time_s.value - 1]
    half = value * math.hypot(*parts)
    return Interval(value, value - half, value + half)


def timed(blocks: Iterable[Block], windows: Sequence[Sequence[Step]], confidence: float = 0.95) -> tuple[Block, ...]:
    """`blocks` with the geometric means of what each window's profile says of their steps, intervals over windows.

    Energies likewise, where the profiles have them. A block without a step stays as it is.
    """
    by_step: defaultdict[str, list[Step]] = defaultdict(list)
    for window in windows:
        for step in window:
            by_step[step.name].append(step)
    return tuple(
        dataclasses.replace(
            block,
            time_s=_mean([step.time_s for step in by_step[block.step]], confidence),
            energy_j=_mean([step.energy_j for step in by_step[block.step]], confidence),
        )
        if block.step is not None and block.step in by_step
        else block
        for block in blocks
    )


def _mean(values: Sequence[float | None], confidence: float) -> Interval | None:
    known = np.array([value for value in values if value is not None])
    return geometric_mean(known, confidence) if len(known) and len(known) == len(values) else None


def by_kind(block: Block) -> str:
    """`convolution`, `pooling`, `fully connected`, ...; blocks inside a module are counted as the module's kind."""
    if block.module is not None:
        return next(kind for prefix, kind in _MODULE_KINDS.items() if block.module.startswith(prefix))
    kinds = {kind.removeprefix("Fused") for kind in block.kind.split("+")}
    return next((group for group, members in _GROUPS.items() if kinds & set(members)), "other")


def by_module(block: Block) -> str:
    """The name of its module, or its own where it is in none."""
    return block.module or block.name


def grouped(blocks: Iterable[Block], label: Callable[[Block], str]) -> tuple[Group, ...]:
    """The blocks under each label, labels in the order in which they first run."""
    groups: defaultdict[str, list[Block]] = defaultdict(list)
    for block in blocks:
        groups[label(block)].append(block)
    return tuple(Group(name, tuple(own)) for name, own in groups.items())


def balance(blocks: Sequence[Block], whole_s: float) -> Balance | None:
    """All blocks against the network's p50, both in seconds; None where nothing was timed."""
    sum_s = Group("", tuple(blocks)).time_s
    return None if sum_s is None else Balance(sum_s, whole_s)


def _sum(values: Iterable[_T | None]) -> _T | None:
    """None where one is unknown, or there is none."""
    known = list(values)
    return functools.reduce(operator.add, known) if known and None not in known else None
