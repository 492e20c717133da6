"""How a runtime fuses and times the layers of a network, and the most that a machine can compute and move."""

from __future__ import annotations

import re
from dataclasses import dataclass

from colocate.model.cell import Interval

# The networks' authors name layers after their module: fire2/..., inception_3a/..., res4b12_....
_MODULE = re.compile(r"(fire|inception|res)_?\d+[a-z]?\d*(?=[/_]|$)")
# Prefixes of operators that a runtime fused, quantised or gave another memory layout.
_RUNTIME_PREFIX = re.compile(r"(?:Nhwc|Fused|QLinear|Q(?=Gemm))+")


def standard_operator(kind: str) -> str:
    """Return the ONNX operator behind a runtime's own variant `kind`: `Conv` for `FusedConv`, `QLinearConv` and
    `NhwcFusedConv`.
    """
    match = _RUNTIME_PREFIX.match(kind)
    return kind[match.end() :] if match else kind


@dataclass(frozen=True, slots=True)
class FusedLayer:
    """What a runtime ran as one step: one layer, several fused layers, or a step of its own without any layer.

    `kind` is the operators, joined by +. `flop` and `moved_bytes` are for one inference, and None if the graph does
    not give them. A multiply-accumulate counts as 2 FLOP, and nothing else is counted. `moved_bytes` counts the input
    activations, output activations and weights once each, at the size of their elements. `time_s` is None for a layer
    that no step of the runtime could be matched with, `energy_j` if no meter could resolve it. `step` is the name of
    the runtime's step.

    A layer in the body of a Loop, an If or a Scan has an entry of its own. `within` names the steps around it, the
    outermost first, and its time, FLOP and bytes cover all runs of the body. The entry of the step around a body
    holds that step's own time without the body, and 0 FLOP and bytes. So sums over all entries give the totals of the
    network.
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
    within: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """The names of the steps around the layer and its own, joined by ` > `: a body may reuse names of the
        network.
        """
        return " > ".join((*self.within, self.name))

    @property
    def first_layer(self) -> str:
        """The layer whose name is the first part of `name`; all of `name` if it is the name of a runtime's step."""
        return next((layer for layer in self.layers if f"{self.name}+".startswith(f"{layer}+")), self.name)

    def lies_in(self, other: FusedLayer) -> bool:
        """Whether this layer is in the body of `other`, or in a body inside that body."""
        around = (*other.within, other.step)
        return other.step is not None and self.within[: len(around)] == around

    @property
    def is_launch_overhead(self) -> bool:
        """Whether this is what a network does besides its layers: it has no layers and no step in the profile."""
        return not self.layers and self.step is None

    @property
    def module(self) -> str | None:
        """The module that all layers belong to: `fire2`, `inception_3a`, `res4b12`; None if they share none."""
        found = {match[0] if (match := _MODULE.match(layer)) else None for layer in self.layers}
        return found.pop() if len(found) == 1 else None

    @property
    def intensity_flop_per_byte(self) -> float | None:
        """FLOP per byte moved, the horizontal axis of a roofline; None if the layer counts no FLOP or no bytes."""
        return self.flop / self.moved_bytes if self.flop and self.moved_bytes else None

    @property
    def flop_per_s(self) -> float | None:
        """FLOP per second, the vertical axis of a roofline; None if the layer counts no FLOP or has no time."""
        return self.flop / self.time_s.value if self.flop and self.time_s else None


@dataclass(frozen=True, slots=True)
class Ceilings:
    """The highest rates of arithmetic and of memory that the machine reaches, in FLOP/s and bytes/s."""

    flop_per_s: float
    bytes_per_s: float

    def at(self, intensity_flop_per_byte: float) -> float:
        """Return the highest possible FLOP/s at this intensity: the memory's limit below the ridge point, the
        arithmetic's above.

        Williams, Waterman and Patterson, "Roofline", Communications of the ACM 52(4), 2009.
        """
        return min(self.flop_per_s, self.bytes_per_s * intensity_flop_per_byte)


@dataclass(frozen=True, slots=True)
class LayerMap:
    """How a rig's runtime fuses the layers of a network, and what the runtime's profile will measure.

    The `fused_layers` have no times yet. The profile of a window gives times if `timed`, and energies if `metered`;
    what it does not give is measured by running each fused layer by itself. `ceilings` are set only by a rig that
    knows its own. `precision` is the type in which the file stores its weights, whatever the study asked for; empty
    in runs that did not store it.
    """

    fused_layers: tuple[FusedLayer, ...]
    timed: bool
    metered: bool = False
    ceilings: Ceilings | None = None
    precision: str = ""
