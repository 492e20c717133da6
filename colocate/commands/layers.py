"""`colocate layers`: measure a network and, if needed, each of its fused layers alone, as an ordinary study."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colocate.commands.asked_study import keys_of, stored_purpose
from colocate.commands.common_arguments import (
    Flags,
    add_run_flags,
    only,
    refuse_pipelines,
    without,
)
from colocate.commands.study_flags import OF_INPUTS, OF_TASKS, STUDY_FLAGS, WITHOUT_TASKS, add_study_flags
from colocate.commands.study_run import report_unless_empty, resumable, run_study
from colocate.errors import SpecError
from colocate.model.purpose import CeilingProbe, LayersPurpose

if TYPE_CHECKING:
    from colocate.model.layers import LayerMap
    from colocate.model.machine import HostFacts
    from colocate.model.request import Inference
    from colocate.rigs.rig import Rig

SUMMARY = "time and energy per layer of a network"
DESCRIPTION = """\
Where one network's time and energy go. After each window of the network, the runtime's profile gives the time of each
step: one layer, or several that the runtime fused. FLOP and bytes are counted in the graph. Layers in the body of a
Loop, an If or a Scan have rows of their own. The sum over the layers is set against the network's own p50; if they
differ by more than 25 %, all times of layers carry a warning. For energy each step is cut out, with its true input
shapes, and run in a loop by itself. Its energy is the power that it adds to idle, multiplied by the time of one pass
through that loop; none is given where the 95 % interval of that power is wider than 20 % to either side. ONNX Runtime
on a GPU times how long a kernel takes to launch, not to run, so times there come from these loops, as energy does.
The ceilings of the roofline are those of a large matrix product and a large copy in the same runtime."""

# The ceilings of the machine do not depend on the window that the user chose.
CEILING_WINDOW_S = 1.0
# One clock point, where a sweep would have several.
_HIGHEST = {"otherwise": "high where CPU and GPU clocks can be set, else native"}
_OWN: Flags = {**WITHOUT_TASKS, **{key: {**STUDY_FLAGS[key], **_HIGHEST} for key in ("cpu_clocks", "gpu_clocks")}}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the network, the keys of a study without tasks, and the flags of a run."""
    parser.add_argument(
        "network",
        nargs="?",
        metavar="NETWORK",
        help="a built-in, or the path of an .onnx file; may be left out with --resume",
    )
    add_study_flags(parser, leave_out=("networks", "pipelines", *OF_TASKS), own=_OWN)
    refuse_pipelines(parser, "layers of a program cannot be seen from outside: give it the .onnx file of its network")
    add_run_flags(parser)


@resumable
def run(arguments: argparse.Namespace) -> int:
    """Run the missing trials of the study, and report on it."""
    from colocate.request.spec import make_study
    from colocate.rigs.registry import make_rig

    keys, stored = keys_of(arguments), stored_purpose(arguments, LayersPurpose)
    if stored is None and arguments.network is None:
        raise SpecError("layers wants a network: the name of a built-in, or an .onnx file")
    if stored is None:
        study = make_study({**keys, "networks": [arguments.network], "stressors": ()})
        (inference,) = study.spec.inferences
    else:
        study, inference = make_study(keys), stored.inference
    spec = study.spec
    rig = make_rig(spec.rig, dict(spec.model), inference.network, workers=spec.workers)
    if stored is None:
        of_layers, purpose = layers_request(keys, inference.network, rig, runs=not arguments.dry_run)
        study = make_study(of_layers)
    else:
        purpose = stored
    with subgraph_files(purpose):
        tally = run_study(arguments, study, rig, purpose)
    return 0 if tally is None else report_unless_empty(arguments, tally)


def layers_request(
    keys: Mapping[str, Any], network: str, rig: Rig, *, runs: bool = True
) -> tuple[Mapping[str, Any], LayersPurpose]:
    """Return the keys of the study that measures the layers of `network`, and what each network in it is for.

    `keys` are those of a study file, without networks and tasks. If `runs` is false, the runtime is not asked, and
    the fused layers are those that runtimes commonly make.

    Raises SpecError for more than one clock point, and what `rig` raises for the network.
    """
    from colocate.inference.networks.engine_file import refuse_engine
    from colocate.request.spec import make_spec
    from colocate.study.clock_points import clock_points
    from colocate.study.plan import plan, settled_backend

    refuse_engine(network, "whose layers only TensorRT can read")
    facts = rig.facts()
    keys = {**_default_clocks(facts), **keys}
    spec = make_spec({**keys, "networks": [network], "stressors": ()})
    whole = settled_backend(spec.inferences[0], facts)
    points = clock_points(spec, facts)
    if len(points) > 1:
        raise SpecError(
            "layers looks at one clock point: give one value to each of --cpu-clocks, --gpu-clocks and --emc-clocks"
        )
    rig.check(plan(dataclasses.replace(spec, inferences=(whole,), repeats=1), facts))
    layer_map = rig.layer_map(whole, points[0], runs=runs)
    folder = _folder(whole)
    purpose = LayersPurpose(
        inference=whole,
        layer_map=layer_map,
        subgraphs=_subgraphs(whole, layer_map, facts, folder),
        ceilings={} if layer_map.ceilings is not None else _ceilings(whole, layer_map, facts, folder),
    )
    # The files of single layers have the network's precision and batch already. The precision is still given, because
    # older versions of TensorRT and a DLA need it.
    of_files = {"backend": whole.backend, "precision": whole.precision, "batch": 1}
    of_whole = only(keys, *OF_INPUTS)
    networks: list[dict[str, Any]] = [
        {"network": whole.network, "backend": whole.backend, "precision": whole.precision, "batch": whole.batch,
         **of_whole},
        *({"network": path, **of_files} for path in purpose.subgraphs),
        *(
            {"network": path, **of_files, "backend": probe.backend, "precision": probe.precision,
             "window": CEILING_WINDOW_S}
            for path, probe in purpose.ceilings.items()
        ),
    ]  # fmt: skip
    shared = without(keys, "backend", "precision", "batch", *of_whole)
    return {**shared, "networks": networks, "stressors": []}, purpose


@contextlib.contextmanager
def subgraph_files(purpose: LayersPurpose) -> Iterator[None]:
    """Context in which the files of subgraphs and ceilings exist; they repeat the weights, so they go at its end."""
    from colocate.inference.networks import cache, catalogue
    from colocate.inference.onnx import ceilings, subgraphs

    folder, whole = _folder(purpose.inference), purpose.inference

    def write() -> None:
        if purpose.subgraphs:
            network = catalogue.resolve(whole.network, whole.batch, whole.precision, whole.inputs)
            names = [purpose.layer_map.fused_layers[index].layers for index in purpose.subgraphs.values()]
            written = [str(cut.path) for cut in subgraphs.subgraphs(network, names, folder)]
            assert written == list(purpose.subgraphs), "a run's subgraphs lie where they lay"
        for path, probe in purpose.ceilings.items():
            if probe.size:
                Path(path).write_bytes(ceilings.model(probe.quantity, probe.size, probe.precision))

    if not purpose.subgraphs and not purpose.ceilings:
        yield
        return
    with cache.shared(folder, write):
        yield


def _folder(whole: Inference) -> Path:
    import hashlib

    from colocate.inference.networks import cache

    return cache.folder("subgraphs") / hashlib.sha256(repr(whole).encode()).hexdigest()[:12]


def _default_clocks(facts: HostFacts) -> Mapping[str, Any]:
    """The keys of CPU and GPU clocks: the highest if a sweep would set clocks by default, else `native`."""
    from colocate.study.clock_points import default_clocks

    default = default_clocks(facts)
    return {f"{axis}_clocks": [default[axis][-1]] for axis in ("cpu", "gpu")}


def _subgraphs(whole: Inference, layer_map: LayerMap, facts: HostFacts, folder: Path) -> dict[str, int]:
    """The fused layers that must run alone, because the profile of a window does not suffice: file -> index."""
    from colocate.inference.networks import catalogue

    wanted = not layer_map.timed or (bool(facts.rails) and not layer_map.metered)
    able = [
        index
        for index, layer in enumerate(layer_map.fused_layers)
        # A layer in the body of a Loop, an If or a Scan runs with all that is around it.
        if layer.moved_bytes is not None and not layer.within and (wanted or layer.is_launch_overhead)
    ]
    if not able:
        return {}
    stem = folder / catalogue.resolve(whole.network, whole.batch, whole.precision, whole.inputs).path.stem
    return {f"{stem}-{number:03}.onnx": index for number, index in enumerate(able)}


def _ceilings(whole: Inference, layer_map: LayerMap, facts: HostFacts, folder: Path) -> dict[str, CeilingProbe]:
    """The networks that find the machine's ceilings and the launch overhead, each with its probe."""
    from colocate.inference.backends.registry import BACKENDS
    from colocate.inference.onnx import ceilings
    from colocate.model.request import WIDTH_BYTES
    from colocate.worker.request import COPIED_BYTES

    runtime = BACKENDS[whole.backend]
    on_gpu = runtime.on_gpu
    # The ceilings for a file of half precision are in half precision, too, if the runtime takes such networks.
    asked, stored = whole.precision, layer_map.precision
    precision = stored if asked == "fp32" and stored in runtime.precisions else asked
    probes: dict[str, CeilingProbe] = {}
    for probe in ceilings.probes(on_gpu=on_gpu):
        if probe.quantity == "bytes" and on_gpu and "bandwidth" in facts.probes:
            probes["bandwidth"] = CeilingProbe("bytes", 2 * COPIED_BYTES, 0, "bandwidth", "fp32")
        elif probe.quantity != "nothing" or not layer_map.timed:
            amount = probe.amount * (WIDTH_BYTES[precision] if probe.quantity == "bytes" else 1)
            path = str(folder / f"{probe.quantity}.onnx")
            probes[path] = CeilingProbe(probe.quantity, amount, probe.size, whole.backend, precision)
    return probes
