"""What a runtime makes of a network's layers, and what a machine can do at best."""

from __future__ import annotations

import re
from dataclasses import dataclass

from colocate.model.cell import Interval

# Layers of one module share its name, which the authors' files give them: fire2/..., inception_3a/..., res4b12_....
_MODULE = re.compile(r"(fire|inception|res)_?\d+[a-z]?\d*(?=[/_]|$)")
# What runtimes put before the name of an operator that they fused, quantised or laid out in another way.
_RUNTIME_PREFIX = re.compile(r"(?:Nhwc|Fused|QLinear|Q(?=Gemm))+")


def standard_operator(kind: str) -> str:
    """The operator behind a runtime's own variant of it: `Conv` of `FusedConv`, `QLinearConv` and `NhwcFusedConv`."""
    match = _RUNTIME_PREFIX.match(kind)
    return kind[match.end() :] if match else kind


@dataclass(frozen=True, slots=True)
class FusedLayer:
    """What a runtime ran as one: a layer, several that it fused, or a step of its own, which holds no layers.

    `kind` is the operators, joined by +. `flop` (2 per multiply-accumulate, nothing else counted) and `moved_bytes`
    (activations that enter and leave the layer and its weights, each once, at the size of its elements) are of
    one inference; None where the graph does not say. `time_s` is None for layers that no step of the runtime could be
    matched with, `energy_j` where no meter could resolve it. `step` is the name of the runtime's step that ran it.

    A layer in the body of a Loop, an If or a Scan is one of its own: `within` names the steps around it, the
    outermost first, and its time, FLOP and bytes are of all runs of the body together. What is around it has its own
    time alone, less its body's, and counts no FLOP and no bytes a second time. So every sum is that of the network.
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
        """Its name behind those of what it lies in: bodies may have layers of the same names as the network."""
        return " > ".join((*self.within, self.name))

    @property
    def first_layer(self) -> str:
        """The layer with which its name begins; the whole name where that is a step's of the runtime."""
        return next((layer for layer in self.layers if f"{self.name}+".startswith(f"{layer}+")), self.name)

    def lies_in(self, other: FusedLayer) -> bool:
        """Whether it is in the body of `other`, or in a body inside that one."""
        around = (*other.within, other.step)
        return other.step is not None and self.within[: len(around)] == around

    @property
    def is_launch_overhead(self) -> bool:
        """Whether no step of a runtime's profile holds it: what a network does beside its layers."""
        return not self.layers and self.step is None

    @property
    def module(self) -> str | None:
        """The module that all its layers belong to: `fire2`, `inception_3a`, `res4b12`."""
        found = {match[0] if (match := _MODULE.match(layer)) else None for layer in self.layers}
        return found.pop() if len(found) == 1 else None

    @property
    def intensity_flop_per_byte(self) -> float | None:
        """Where it stands on a roofline's horizontal axis; None for a layer that multiplies nothing."""
        return self.flop / self.moved_bytes if self.flop and self.moved_bytes else None

    @property
    def flop_per_s(self) -> float | None:
        """Where it stands on a roofline's vertical axis."""
        return self.flop / self.time_s.value if self.flop and self.time_s else None


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


@dataclass(frozen=True, slots=True)
class LayerMap:
    """What a rig's runtime makes of a network, and what its own profile will give.

    `fused_layers` have no times yet. The profile of a window gives times where it is `timed`, and energies where it
    is `metered`; what it does not give must be looked at layer by layer. `ceilings` are of a rig that knows its own.
    `precision` is what the weights of the file are stored as, whatever the study asked for; empty in runs that did
    not note it.
    """

    fused_layers: tuple[FusedLayer, ...]
    timed: bool
    metered: bool = False
    ceilings: Ceilings | None = None
    precision: str = ""
