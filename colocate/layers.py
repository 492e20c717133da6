"""`colocate layers`: one network, taken to pieces where that is needed, as the request of an ordinary sweep."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from colocate.errors import SpecError
from colocate.inference import BACKENDS, WIDTH_BYTES, cache, ceilings, networks
from colocate.inference.bandwidth import BUFFER_BYTES
from colocate.rigs import Rig
from colocate.spec import make_spec
from colocate.study.layers import Anatomy
from colocate.study.model import HostFacts, Inference
from colocate.study.plan import LEVELS, NATIVE, clock_points, plan, settled_backend

COMMAND = "layers"
_anatomy = TypeAdapter(Anatomy)


@dataclass(frozen=True, slots=True)
class Study:
    """`request` runs the network and the pieces in `folder`; `purpose` says which piece is which block."""

    request: Mapping[str, Any]
    purpose: Mapping[str, Any]
    folder: Path

    @contextlib.contextmanager
    def cut(self) -> Iterator[None]:
        """The files of all pieces, while they are needed: a network's weights lie in them a second time."""
        try:
            if self.purpose["pieces"] or self.purpose["ceilings"]:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._write()
            yield
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self) -> None:
        from colocate.inference import cutting

        whole = Inference(**self.purpose["inference"])
        blocks = _anatomy.validate_python(self.purpose["anatomy"]).blocks
        if self.purpose["pieces"]:
            network = networks.resolve(whole.network, whole.batch, whole.precision)
            names = [blocks[index].layers for index in self.purpose["pieces"].values()]
            written = [str(piece.path) for piece in cutting.pieces(network, names, self.folder)]
            assert written == list(self.purpose["pieces"]), "a run's pieces lie where they lay"
        for path, probe in self.purpose["ceilings"].items():
            if probe["size"]:
                Path(path).write_bytes(ceilings.model(probe["quantity"], probe["size"]))


def network_of(keys: Mapping[str, Any], network: str) -> Inference:
    """The network as a sweep would run it; `keys` are those of a study file. Raises SpecError as a sweep would."""
    (inference,) = make_spec({**keys, "networks": [network], "stressors": ()}).inferences
    return inference


def study(keys: Mapping[str, Any], network: str, rig: Rig) -> Study:
    """What to run for the layers of `network`; `keys` are those of a study file, without networks and tasks.

    Raises SpecError for more than one clock point, and what `rig` has against the network.
    """
    facts = rig.facts()
    keys = {**_default_clocks(facts), **keys}
    spec = make_spec({**keys, "networks": [network], "stressors": ()})
    whole = settled_backend(spec.inferences[0], facts)
    points = clock_points(spec, facts)
    if len(points) > 1:
        raise SpecError("layers looks at one clock point: give one value to --cpu-clocks and one to --gpu-clocks")
    rig.check(plan(dataclasses.replace(spec, inferences=(whole,), repeats=1), facts))
    anatomy = rig.anatomy(whole, points[0])
    folder = cache.folder("pieces") / hashlib.sha256(repr(whole).encode()).hexdigest()[:12]
    wanted = not anatomy.timed or (bool(facts.rails) and not anatomy.metered)
    able = [i for i, block in enumerate(anatomy.blocks) if block.moved_bytes is not None and (wanted or block.alone)]
    stem = folder / (networks.resolve(network, whole.batch, whole.precision).path.stem if able else "")
    pieces = {f"{stem}-{number:03}.onnx": index for number, index in enumerate(able)}
    probes = {} if anatomy.ceilings is not None else _ceilings(whole, anatomy, facts, folder)
    shared = {key: value for key, value in keys.items() if key not in ("backend", "precision", "batch")}
    entries = [
        {"network": whole.network, "backend": whole.backend, "precision": whole.precision, "batch": whole.batch},
        # As their files are: of the network's precision and batch already.
        *({"network": path, "backend": whole.backend, "precision": "fp32", "batch": 1} for path in pieces),
        *(
            {"network": path, "backend": probe["backend"], "precision": probe["precision"], "batch": 1}
            for path, probe in probes.items()
        ),
    ]
    purpose = {
        "command": COMMAND,
        "inference": dataclasses.asdict(whole),
        "anatomy": _anatomy.dump_python(anatomy, mode="json"),
        "pieces": pieces,
        "ceilings": probes,
    }
    return Study({**shared, "networks": entries, "stressors": []}, purpose, folder)


def resumed(request: Mapping[str, Any], purpose: Mapping[str, Any]) -> Study:
    """The study that a run was begun with."""
    files = [*purpose["pieces"], *(path for path in purpose["ceilings"] if path.endswith(".onnx"))]
    return Study(request, purpose, Path(files[0]).parent if files else cache.folder("pieces") / "none")


def _default_clocks(facts: HostFacts) -> Mapping[str, Any]:
    """The highest, where a sweep would set clocks by default: one point, and one that stays."""
    both = bool(facts.cpu_steps_hz and facts.gpu_steps_hz and not facts.gpu_on_request)
    word = LEVELS[-1] if both else NATIVE
    return {"cpu_clocks": [word], "gpu_clocks": [word]}


def _ceilings(whole: Inference, anatomy: Anatomy, facts: HostFacts, folder: Path) -> dict[str, dict[str, Any]]:
    """What is run to find the machine's ceilings, and what nothing costs, by its network."""
    on_gpu = BACKENDS[whole.backend].on_gpu
    width_bytes = WIDTH_BYTES[whole.precision]
    own = {"backend": whole.backend, "precision": whole.precision}
    probes: dict[str, dict[str, Any]] = {}
    for probe in ceilings.probes(on_gpu=on_gpu):
        if probe.quantity == ceilings.BYTES and on_gpu and "bandwidth" in facts.probes:
            copied = {"quantity": ceilings.BYTES, "amount": 2 * BUFFER_BYTES, "size": 0}
            probes["bandwidth"] = {**copied, "backend": "bandwidth", "precision": "fp32"}
        elif probe.quantity != ceilings.NOTHING or not anatomy.timed:
            amount = probe.amount * (width_bytes if probe.quantity == ceilings.BYTES else 1)
            facts_of = {"quantity": probe.quantity, "amount": amount, "size": probe.size}
            probes[str(folder / f"{probe.quantity}.onnx")] = {**facts_of, **own}
    return probes
