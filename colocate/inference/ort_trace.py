"""ONNX Runtime's profile of a session: how long each step took, and which layers of the graph it ran.

The trace is a list of events in Chrome's format, in whole microseconds. On the CPU a step's length is that of its
kernel; on a GPU it may be no more than the launch.
"""

from __future__ import annotations

import bisect
import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from colocate.errors import TrialError
from colocate.inference import graph
from colocate.inference.graph import Layer
from colocate.inference.networks import Network, input_arrays
from colocate.inference.onnxruntime_cpu import load, session_options
from colocate.study.layers import Block
from colocate.study.model import Interval
from colocate.study.stats import geometric_mean

_SUFFIX = "_kernel_time"
# Lengths are cut to whole microseconds: half of one is lost on average, and many steps take but a few.
_CUT_OFF_US = 0.5
# A fused or rewritten node is called after one of those it replaces: "fused fc6", "relu1_nchwc",
# "product/MatMulAddFusion"; a number is added where that name is taken.
_REWRITTEN = re.compile(r"(?:fused )?(?P<name>.+?)(?:/\w+Fusion)?(?:_nchwc)?(?:_token_\d+)?")
# What runs inside the step before it, or is folded away, and so may have no step of its own.
_FOLLOWERS = frozenset((
    "Add", "BatchNormalization", "Cast", "Clip", "Dropout", "Flatten", "HardSigmoid", "Identity", "LeakyRelu", "Mul",
    "Relu", "Reshape", "Sigmoid", "Squeeze", "Sum", "Tanh", "Transpose", "Unsqueeze",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """A node of the graph that the runtime made of the network: seconds of each inference, in order."""

    name: str
    kind: str
    times_s: tuple[float, ...]


def recorded(network: Network, folder: Path, inferences: int, threads: int) -> Path:
    """The trace of a new session on the CPU, in `folder`, under the settings of every other inference.

    Raises HostError when the runtime refuses the network.
    """
    options = session_options(threads)
    options.enable_profiling = True
    options.profile_file_prefix = str(folder / "onnxruntime")
    session = load(network, options, "CPUExecutionProvider", {})
    feeds = input_arrays(network)
    for _ in range(inferences):
        session.run(None, feeds)
    return Path(session.end_profiling())


def steps(trace: Path, warmup: int = 1) -> tuple[Step, ...]:
    """The steps of a profiled session in the order in which they run, without its first `warmup` inferences.

    Raises TrialError for a file that is no whole trace or holds no further inference.
    """
    try:
        events = json.loads(trace.read_text())
    except (OSError, ValueError) as error:
        raise TrialError(f"{trace} is no whole profile of ONNX Runtime: {error}") from error
    runs = sorted((event["ts"], event["ts"] + event["dur"]) for event in events if event["name"] == "model_run")
    if len(runs) <= warmup:
        raise TrialError(f"{trace} holds {len(runs)} inferences, of which {warmup} only warm up; run more")
    begins = [begin for begin, _ in runs]
    found: dict[tuple[str, str], list[float]] = {}
    for event in sorted(events, key=lambda event: event["ts"]):
        run = bisect.bisect_right(begins, event["ts"]) - 1
        is_step = event["cat"] == "Node" and event["name"].endswith(_SUFFIX)
        if is_step and run >= warmup and event["ts"] <= runs[run][1]:
            key = event["name"].removesuffix(_SUFFIX), event["args"]["op_name"]
            found.setdefault(key, [0.0] * (len(runs) - warmup))[run - warmup] += (event["dur"] + _CUT_OFF_US) * 1e-6
    return tuple(Step(name, kind, tuple(times_s)) for (name, kind), times_s in found.items())


def held(ran: Sequence[Step], layers: Sequence[Layer]) -> tuple[tuple[str, ...], ...]:
    """The layers that each step ran, by name, in the network's order; none where its name tells nothing.

    A step bears the name of one of its layers, or of a tensor that the layer writes. Layers that no step is called
    after were fused into one that is: where a step multiplies and the layer it is called after does not, back to
    the one that does; activations, sums and the like with what they read, and of several with the last to run.
    """
    by_name = {layer.name: layer for layer in layers}
    named = {tensor.name: layer for layer in layers for tensor in layer.writes} | by_name
    holder: dict[str, int] = {}
    for index, step in enumerate(ran):
        layer = _named(step, named)
        if layer is not None:
            holder.setdefault(layer.name, index)
    for name, index in list(holder.items()):
        if by_name[name].kind != ran[index].kind:
            holder.update(dict.fromkeys(_before(by_name[name], by_name, holder), index))
    for layer in layers:
        if (
            layer.name not in holder
            and layer.kind in _FOLLOWERS
            and layer.inputs
            and holder.keys() >= {*layer.inputs}
        ):
            holder[layer.name] = max(holder[name] for name in layer.inputs)
    own: defaultdict[int, list[str]] = defaultdict(list)
    for layer in layers:
        if layer.name in holder:
            own[holder[layer.name]].append(layer.name)
    return tuple(tuple(own[index]) for index in range(len(ran)))


def blocks(sessions: Sequence[Sequence[Step]], layers: Sequence[Layer], width_bytes: int) -> tuple[Block, ...]:
    """What ran, in order: one block per step, then the layers that no step could be matched with, without a time.

    Each of `sessions` is one profile of the same network; a time is the geometric mean of theirs, with its interval
    over sessions. `width_bytes` is of one element of activations and weights.
    """
    ran = sessions[0]
    times_s = [_central_times_s(session) for session in sessions]
    found = []
    for step, names in zip(ran, held(ran, layers), strict=True):
        time_s = geometric_mean(np.array([session[step.name] for session in times_s if step.name in session]))
        if names:
            found.append(_block(graph.fused(layers, names), names, width_bytes, time_s))
        else:
            found.append(Block(step.name, step.kind, (), None, None, time_s))
    timed = {name for block in found for name in block.layers}
    untimed = [layer for layer in layers if layer.name not in timed]
    return (*found, *(_block(layer, (layer.name,), width_bytes, None) for layer in untimed))


def _central_times_s(session: Sequence[Step]) -> dict[str, float]:
    """The mean of each step, by name, over the half of the inferences whose totals lie in the middle.

    Every step over the same inferences, so that they add up. Medians of each do not: where the CPU is taken away
    once in most inferences, it is in few runs of any one step, and their sum misses it.
    """
    table = np.array([step.times_s for step in session])
    quarter = table.shape[1] // 4
    central = np.argsort(table.sum(axis=0))[quarter : table.shape[1] - quarter]
    return dict(zip((step.name for step in session), table[:, central].mean(axis=1).tolist(), strict=True))


def _named(step: Step, named: Mapping[str, Layer]) -> Layer | None:
    rewritten = _REWRITTEN.fullmatch(step.name)
    return named.get(step.name) or (named.get(rewritten["name"]) if rewritten else None)


def _before(layer: Layer, by_name: Mapping[str, Layer], holder: Mapping[str, int]) -> list[str]:
    """The layers that no step is called after, from `layer` back to one that multiplies; none where there is none."""
    path: list[str] = []
    while layer.macs == 0:
        free = [name for name in layer.inputs if name not in holder]
        if not free:
            return []
        layer = by_name[free[-1]]
        path.append(layer.name)
    return path


def _block(layer: Layer, names: tuple[str, ...], width_bytes: int, time_s: Interval | None) -> Block:
    flop = None if layer.macs is None else 2 * layer.macs
    moved = (layer.input_elements, layer.output_elements)
    elements = None if None in moved else sum(filter(None, moved)) + layer.weight_elements
    return Block(layer.name, layer.kind, names, flop, None if elements is None else width_bytes * elements, time_s)
