"""`colocate efficiency`: networks x batches x precisions x runtimes as the request of an ordinary sweep."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from colocate.errors import HostError, SpecError
from colocate.rigs import Rig
from colocate.spec import Request, make_spec
from colocate.study.model import Inference, SweepSpec
from colocate.study.plan import plan, settled_backend

COMMAND = "efficiency"


@dataclass(frozen=True, slots=True)
class Axes:
    """What is multiplied out. The first of `backends` is the default that others are compared with."""

    networks: tuple[str, ...] = tuple(entry for entry in Request().networks if isinstance(entry, str))
    batches: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 128)
    precisions: tuple[str, ...] = ("fp32", "fp16")
    backends: tuple[str, ...] = ("auto",)


@dataclass(frozen=True, slots=True)
class Settings:
    """`request` runs them all; `left_out` says in a line each what of the axes cannot run here, and why."""

    request: Mapping[str, Any]
    default_backend: str
    left_out: tuple[str, ...]


def settings(keys: Mapping[str, Any], axes: Axes, rig: Rig) -> Settings:
    """Every combination of `axes` that `rig` can run, each once; `keys` are those of a study file, without networks.

    Raises SpecError for a word that means nothing anywhere, and whatever stands against a network that no setting
    can run.
    """
    product = itertools.product(axes.networks, axes.backends, axes.precisions, axes.batches)
    names = ("network", "backend", "precision", "batch")
    asked = [dict(zip(names, combination, strict=True)) for combination in product]
    spec = make_spec({**keys, "networks": asked, "stressors": ()})
    able: dict[Inference, None] = {}
    unable: dict[str, list[Inference]] = {}
    first: dict[str, HostError | SpecError] = {}
    for inference in spec.inferences:
        try:
            able[_checked(inference, spec, rig)] = None
        except (HostError, SpecError) as error:
            unable.setdefault(str(error), []).append(inference)
            first.setdefault(inference.network, error)
    for network, reason in first.items():
        if network not in {inference.network for inference in able}:
            raise reason
    chosen = [{name: getattr(inference, name) for name in names} for inference in able]
    return Settings(
        request={**keys, "networks": chosen, "stressors": []},
        default_backend=chosen[0]["backend"],
        left_out=tuple(
            f"Left out, {len(some)} of {len(spec.inferences)} settings: {why}" for why, some in unable.items()
        ),
    )


def _checked(inference: Inference, spec: SweepSpec, rig: Rig) -> Inference:
    """`inference` with its runtime settled. Raises HostError or SpecError where the rig cannot run it."""
    facts = rig.facts()
    settled = settled_backend(inference, facts)
    rig.check(plan(dataclasses.replace(spec, inferences=(settled,), repeats=1), facts))
    return settled
