"""`colocate efficiency`: measure every combination of network, batch, precision and runtime as an ordinary study."""

from __future__ import annotations

import argparse
import dataclasses
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from colocate.commands.aim import AIM_FLAGS, aim_of
from colocate.commands.asked_study import keys_of, stored_purpose
from colocate.commands.common_arguments import (
    Flags,
    add_flags,
    add_run_flags,
    check_axes,
    given,
    only,
    refuse_pipelines,
    whole_numbers,
    without,
    words,
)
from colocate.commands.output import say
from colocate.commands.study_flags import LIMIT_FLAGS, OF_INPUTS, OF_TASKS, WITHOUT_TASKS, add_study_flags
from colocate.commands.study_run import report_unless_empty, resumable, run_study
from colocate.errors import HostError, SpecError
from colocate.model.purpose import Aim, Axes, EfficiencyPurpose

if TYPE_CHECKING:
    from colocate.model.request import Inference, SweepSpec
    from colocate.rigs.rig import Rig

SUMMARY = "images/s, W and images/s/W over batch, precision and runtime"
DESCRIPTION = """\
Runs each network alone at every batch, precision and runtime, --repeats times and each time in another random order,
and picks the best setting (batch, precision, runtime, clocks) of each network: the one of greatest

    utility = images/s/W x f(latency)      in images per joule, f from 0 to 1

Without --slo-ms f is 1. With --slo-ms X it depends on L, the upper bound in ms of the latency at --percentile:

    --utility within    f = 1 if L <= X, else 0    least energy within the limit
    --utility fading    f = min(1, X / L)          twice as late, half as good

A setting whose upper bound of power exceeds --power-budget-w has utility 0.
A latency is of one inference, all images of its batch; power is the board's, including what it draws idle.
"x times better" is images/s/W of the best over that of the default setting (batch 1, or the one a file fixes; fp32;
clocks native or else the highest), paired by repeat. Its 95 % interval is widened because the best was picked
after all were measured. A setting that fails, for example for want of memory, has a row with the reason. One that no
runtime here offers is left out, and a line says so."""


# The axes: `efficiency` measures every combination of their values.
_AXES: Flags = {
    "networks": {"type": words, "metavar": "A,B", "help": "as for sweep", "otherwise": "alexnet,googlenet,resnet152"},
    "batches": {
        "type": whole_numbers,
        "metavar": "N,M",
        "help": "images per inference",
        "otherwise": "1,2,4,8,16,32,64,128",
    },
    "precisions": {"type": words, "metavar": "P,Q", "help": "fp32, fp16 or fp32,fp16", "otherwise": "fp32,fp16"},
    "backends": {
        "type": words,
        "metavar": "B,C",
        "help": "as sweep's --backend; the first is the default that others are compared with",
        "otherwise": "auto",
    },
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the settings to combine, other keys of a study without tasks, what is best, and the flags of a run."""
    add_flags(parser.add_argument_group("settings to combine, each with each"), _AXES)
    add_flags(parser.add_argument_group("what is best"), AIM_FLAGS)
    left_out = ("networks", "pipelines", *OF_TASKS, "backend", "precision", "batch")
    add_study_flags(parser, left_out, WITHOUT_TASKS)
    refuse_pipelines(parser, "a program decides its batch and precision itself: measure a pipeline with sweep")
    add_run_flags(parser)


@resumable
def run(arguments: argparse.Namespace) -> int:
    """Run the missing trials of the study, and report on it."""
    from colocate.request.aim_keys import changed_aim
    from colocate.request.spec import make_study
    from colocate.request.study_keys import StudyKeys
    from colocate.rigs.registry import make_rig

    stored = stored_purpose(arguments, EfficiencyPurpose)
    keys = without(keys_of(arguments), "networks", "stressors", *LIMIT_FLAGS)
    asked = {key: tuple(value) for key, value in given(arguments, _AXES).items()}
    axes = stored.axes if stored else Axes(tuple(name for name in StudyKeys().networks if isinstance(name, str)))
    axes = dataclasses.replace(axes, **asked)
    _check(axes)
    aim = changed_aim(stored.aim if stored else Aim(), aim_of(arguments))
    ground = make_study(only(keys, "rig", "model", "worker_python", "device")).spec
    rig = make_rig(ground.rig, dict(ground.model), workers=ground.workers)
    found = settings(keys, axes, rig)
    for line in found.left_out:
        say(line)
    purpose = EfficiencyPurpose(axes, aim, found.default_backend)
    tally = run_study(arguments, make_study(found.keys), rig, purpose)
    return 0 if tally is None else report_unless_empty(arguments, tally)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings that can run here.

    `keys` are the keys of a study that runs them all. Other runtimes are compared with `default_backend`. `left_out`
    has a line for each reason why some settings cannot run here.
    """

    keys: Mapping[str, Any]
    default_backend: str
    left_out: tuple[str, ...]


def settings(keys: Mapping[str, Any], axes: Axes, rig: Rig) -> Settings:
    """Return every combination of `axes` that `rig` can run, each once. `keys` are a study's, without networks.

    Raises SpecError for an unknown word. If a network can run in no setting, raises the error of the first one.
    """
    from colocate.request.spec import make_spec

    names = ("network", "backend", "precision", "batch")
    asked = [
        dict(zip(names, combination, strict=True))
        for network in axes.networks
        for combination in itertools.product(
            (network,), axes.backends, axes.precisions, _batches(network, axes, keys)
        )
    ]
    spec = make_spec({**keys, "networks": asked, "stressors": ()})
    able: dict[Inference, None] = {}
    unable: dict[str, list[Inference]] = {}
    first: dict[str, HostError | SpecError] = {}
    for inference in spec.inferences:
        try:
            able[_checked(inference, spec, rig)] = None
        except (HostError, SpecError) as error:
            unable.setdefault(error.words, []).append(inference)
            first.setdefault(inference.network, error)
    for network, reason in first.items():
        if network not in {inference.network for inference in able}:
            raise reason
    chosen = [{name: getattr(inference, name) for name in names} for inference in able]
    return Settings(
        keys={**keys, "networks": chosen, "stressors": []},
        default_backend=chosen[0]["backend"],
        left_out=tuple(
            f"Left out, {len(some)} of {len(spec.inferences)} settings: {why}" for why, some in unable.items()
        ),
    )


def _check(axes: Axes) -> None:
    """Raise SpecError for an axis that is empty or names a value twice, for an impossible batch, and for an engine.

    The message names the flag. A check of the combinations would name the keys of a study file instead.
    """
    from colocate.inference.networks.engine_file import refuse_engine
    from colocate.request.spec import check_batch

    for network in axes.networks:
        refuse_engine(network, "whose batch and precision are settled")
    check_axes(axes)
    for batch in axes.batches:
        check_batch(batch, "batches")


def _batches(network: str, axes: Axes, keys: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the batches that are asked for, and the batch that a file fixes, because it can run no other."""
    from colocate.inference.networks.catalogue import own_batch
    from colocate.request.spec import make_spec

    asked = make_spec({"networks": [network], "stressors": (), **only(keys, *OF_INPUTS)}).inferences[0]
    own = own_batch(asked.network, asked.inputs)
    return axes.batches if own is None or own in axes.batches else (*axes.batches, own)


def _checked(inference: Inference, spec: SweepSpec, rig: Rig) -> Inference:
    """Return `inference` with its runtime settled. Raises HostError or SpecError if the rig cannot run it."""
    from colocate.study.plan import plan, settled_backend

    facts = rig.facts()
    settled = settled_backend(inference, facts)
    rig.check(plan(dataclasses.replace(spec, inferences=(settled,), repeats=1), facts))
    return settled
