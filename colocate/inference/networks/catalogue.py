"""The networks that can be run and the file of each: a built-in, whose file is made once and kept, or a user's own.

onnx is imported only if a file is made or a user's file is read, because the import is slow.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import hashlib
import importlib
import importlib.util
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from colocate.bounded import bounded
from colocate.errors import HostError, SpecError
from colocate.inference.networks import cache
from colocate.inference.networks.engine_file import engine_network
from colocate.inference.networks.network import Network
from colocate.inference.networks.topologies import TOPOLOGIES
from colocate.model.network_path import is_engine, is_file, is_ort
from colocate.model.request import InputChoice
from colocate.worker.errors import WorkerError
from colocate.worker.inputs import input_arrays
from colocate.worker.request import NetworkFile

if TYPE_CHECKING:
    from onnx import ModelProto

    from colocate.inference.networks.topologies.sketch import Skeleton
    from colocate.inference.onnx.feeding import Feeding
    from colocate.inference.onnx.onnx_file import OnnxFile

SEED = 0
# How much of a file's name the name of its copy keeps, so that it stays within the limit of file systems.
_STEM_BYTES = 120
_Stamp = tuple[int, ...] | None
_HERE = Path(__file__).parent
_ONNX = _HERE.parent / "onnx"


def builtin_names() -> tuple[str, ...]:
    """Return the names of the built-in networks."""
    return tuple(TOPOLOGIES)


def check(network: str, batch: int = 1, choices: Sequence[InputChoice] = ()) -> None:
    """Raise SpecError for a network, batch size or choice of inputs that `resolve` would refuse. Writes nothing."""
    if is_engine(network):
        engine_network(network, batch, choices)
        return
    path = _own_file(network, batch, choices)
    if path is not None:
        stamps = _stamps(path, choices)
        _counted(path, batch, tuple(choices), stamps)
        _check_arrays(path, batch, tuple(choices), stamps)


def resolve(network: str, batch: int, precision: str = "fp32", choices: Sequence[InputChoice] = ()) -> Network:
    """Return the file and the facts of a network at this batch size: a built-in by name, or a user's own by path.

    `choices` describe the inputs of a user's own network. For fp16 the file is converted, and `sha256` stays that of
    the original. `precision` does not apply to an engine, nor to the file of a single layer or ceiling: they have
    their own. Raises SpecError for an unknown name and an unusable file, HostError if the cache folder cannot be
    written or fp16 needs a package that is missing.
    """
    if is_engine(network):
        return engine_network(network, batch, choices)
    path = _own_file(network, batch, choices)
    whole = _builtin(network, batch) if path is None else _own(path, batch, choices)
    return whole if precision == "fp32" or _is_part(path) else _halved(whole, batch)


def own_batch(network: str, choices: Sequence[InputChoice] = ()) -> int | None:
    """Return the batch size that a user's own file, or the study's `choices`, fix. None if any batch size works, and
    if the file cannot be read; `check` then says why.
    """
    try:
        fed = _feeding(network, None, choices)
    except SpecError:
        return None
    return None if fed is None else fed.own_batch


def guesses(network: str, batch: int, choices: Sequence[InputChoice] = ()) -> tuple[str, ...]:
    """Return the input shapes, such as `images=1x3x224x224`, that are guessed because neither the file nor the study
    gives them.
    """
    fed = _feeding(network, batch, choices)
    return () if fed is None else fed.guesses


def skeleton(name: str, batch: int) -> ModelProto:
    """Return the graph of the built-in `name`. Its initializers have shapes but no data. Raises SpecError for other
    names.
    """
    if name not in TOPOLOGIES:
        raise _unknown(name)
    return _drawn(name, batch).model


def _feeding(network: str, batch: int | None, choices: Sequence[InputChoice]) -> Feeding | None:
    """Return what a user's own network is fed; `batch` None means its own batch size. None for a built-in, and for an
    engine, whose inputs only the worker knows.
    """
    if is_engine(network):
        return None
    path = _own_file(network, 1 if batch is None else batch, choices)
    return None if path is None else _fed(path, batch, choices)


def _own_file(network: str, batch: int, choices: Sequence[InputChoice]) -> Path | None:
    """Return the path of a user's own network; None for a built-in."""
    if batch < 1:
        raise SpecError(f"a batch of {batch} images cannot be run; give 1 or more")
    if network in TOPOLOGIES:
        if choices:
            raise SpecError(f"'{network}' has inputs of its own: --shape and --input are for .onnx files")
        return None
    if is_ort(network):
        raise SpecError(
            f"{network} is in ONNX Runtime's own format, of which neither shapes nor layers can be read; "
            "give the .onnx file that it was made from"
        )
    if not network.isascii() and os.fsencode(network).decode(errors="ignore") != network:
        raise SpecError(f"there is no runtime for {network!r}: its name is not UTF-8, which runtimes want; rename it")
    # Path.is_file would raise for a name that is too long, or in a folder that may not be searched.
    if not is_file(network) and not os.path.isfile(network):  # noqa: PTH113 - see above
        raise _unknown(network)
    return Path(network).absolute()


def _unknown(network: str) -> SpecError:
    near = difflib.get_close_matches(network.lower(), TOPOLOGIES, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    known = ", ".join(TOPOLOGIES)
    return SpecError(f"there is no network '{network}'; {hint}it may be {known}, an .onnx file or an engine")


def _drawn(name: str, batch: int) -> Skeleton:
    module, _, function = TOPOLOGIES[name].partition(":")
    drawn: Skeleton = getattr(importlib.import_module(module), function)(batch)
    return drawn


def _builtin(name: str, batch: int) -> Network:
    # A file's name has a hash of all that it is made from, so no edit or upgrade leaves a stale file in use.
    # This includes numpy's version, because a release may change what a generator draws from a seed.
    recipe = _digest(f"{SEED} {np.__version__}", *sorted((_HERE / "topologies").glob("*.py")))
    path = cache.obtain(f"{name}-b{batch}-{recipe}.onnx", lambda: _built(name, batch))
    reading = _digest(path.name, _ONNX / "graph.py", _HERE / "catalogue.py", _HERE / "network.py")
    facts = cache.obtain(f"{name}-b{batch}-{reading}.json", lambda: _described(name, batch, path))
    return Network.from_json({**json.loads(cache.read(facts)), "path": path})


def _halved(network: Network, batch: int) -> Network:
    def build() -> bytes:
        # Imported in the child: the main process must not load a runtime, whose threads would not survive a fork.
        from colocate.inference.networks import half_precision

        return half_precision.halved(network.path)

    # The name has a hash of all that the file is made from, as for every file here.
    key = _digest(network.sha256, _converter(), _HERE / "half_precision.py")
    path = cache.obtain(f"{network.name}-b{batch}-fp16-{key}.onnx", build)
    return dataclasses.replace(network, path=path, source=None)


def _converter() -> Path:
    """Return the source file of the fp16 converter in onnxruntime, found without loading onnxruntime."""
    spec = importlib.util.find_spec("onnxruntime")
    if spec is None or spec.origin is None:
        raise HostError("fp16 needs the package onnxruntime: pip install onnxruntime")
    return Path(spec.origin).parent / "transformers" / "float16.py"


def _digest(salt: str, *sources: Path) -> str:
    digest = hashlib.sha256(salt.encode())
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def _built(name: str, batch: int) -> bytes:
    from colocate.inference.networks.topologies.weights import filled

    content: bytes = filled(_drawn(name, batch), SEED).SerializeToString()
    return content


def _described(name: str, batch: int, path: Path) -> bytes:
    from colocate.inference.onnx import feeding, graph, onnx_file

    model = skeleton(name, batch)
    inputs = feeding.feeding(model, onnx_file.inputs(path, model)).inputs
    macs = graph.macs(graph.layers_of_own(model))
    network = Network(name, path, onnx_file.sha256(path), inputs, graph.parameters(model), macs)
    return json.dumps(network.to_json()).encode()


def _own(path: Path, batch: int, choices: Sequence[InputChoice]) -> Network:
    return _resolved(path, batch, tuple(choices), _stamps(path, choices))


def _stamps(path: Path, choices: Sequence[InputChoice]) -> tuple[_Stamp, ...]:
    """Return the `_stamp` of each file that a user's own network consists of or is fed from."""
    arrays = [Path(choice.value) for choice in choices if isinstance(choice.value, str)]
    return tuple(map(_stamp, (path, *_opened(path).weight_files, *arrays)))


@functools.lru_cache
def _counted(
    path: Path, batch: int, choices: tuple[InputChoice, ...], stamps: tuple[_Stamp, ...]
) -> tuple[int, int | None]:
    """Return the parameters and multiply-accumulates of a user's own network; cached while `stamps` stay the same."""
    from colocate.inference.onnx import graph, onnx_file

    own, fed = _opened(path), _fed(path, batch, choices)
    shapes = {spec.name: spec.shape for spec in fed.inputs}
    model = own.model if onnx_file.is_fixed(own.inputs) else onnx_file.with_shapes(own.model, shapes, fed.sizes)
    try:
        return graph.parameters(model), graph.macs(graph.layers(model))
    except SpecError as error:
        raise SpecError(f"{path}: {error}") from error


@functools.lru_cache
def _check_arrays(path: Path, batch: int, choices: tuple[InputChoice, ...], stamps: tuple[_Stamp, ...]) -> None:
    """Raise SpecError if an input cannot hold the values of its array; cached while `stamps` stay the same."""
    stored = tuple(spec for spec in _fed(path, batch, choices).inputs if spec.file is not None)
    try:
        input_arrays(NetworkFile(path.stem, path, "", stored))
    except WorkerError as error:
        raise SpecError(f"{path}: {error}") from error


@functools.lru_cache
def _resolved(path: Path, batch: int, choices: tuple[InputChoice, ...], stamps: tuple[_Stamp, ...]) -> Network:
    """Return a user's own network; cached while `stamps` stay the same, because a command asks several times."""
    from colocate.inference.onnx import onnx_file

    own, fed = _opened(path), _fed(path, batch, choices)
    parameters, macs = _counted(path, batch, choices, stamps)
    sha256 = onnx_file.sha256(path, *own.weight_files)
    file = path
    # A network that is too large for one file runs as it is.
    if not onnx_file.is_fixed(own.inputs) and onnx_file.fits_one_file(own):
        shapes = {spec.name: spec.shape for spec in fed.inputs}
        key = _digest(f"{sha256} {shapes} {fed.sizes}", _ONNX / "onnx_file.py")

        def copy() -> bytes:
            content: bytes = onnx_file.with_shapes(onnx_file.whole(path), shapes, fed.sizes).SerializeToString()
            return content

        size_bytes = onnx_file.size_bytes(path, *own.weight_files)
        stem = path.stem.encode()[:_STEM_BYTES].decode(errors="ignore")
        file = cache.obtain(f"{stem}-b{batch}-{key}.onnx", lambda: bounded(copy, str(path), size_bytes))
    return Network(path.stem, file, sha256, fed.inputs, parameters, macs, fed.guesses, None if file == path else path)


def _fed(path: Path, batch: int | None, choices: Sequence[InputChoice]) -> Feeding:
    from colocate.inference.onnx import feeding

    own = _opened(path)
    try:
        return feeding.feeding(own.model, own.inputs, batch, choices)
    except SpecError as error:
        # Names in a file may hold any character.
        said = "".join(c if c.isprintable() else "\ufffd" for c in str(error))
        raise error if str(path) in said else SpecError(f"{path}: {said}") from error


def _is_part(path: Path | None) -> bool:
    """Whether colocate made this file for `layers`, a single layer or ceiling that has its final precision."""
    from colocate.inference.onnx.feeding import PART_PRODUCER

    return path is not None and _opened(path).model.producer_name == PART_PRODUCER


def _opened(path: Path) -> OnnxFile:
    return _read(path, _stamp(path))


@functools.lru_cache
def _read(path: Path, stamp: _Stamp) -> OnnxFile:
    """Return the content of the file; cached while its `stamp` stays the same."""
    from colocate.inference.onnx import onnx_file

    return onnx_file.opened(path)


def _stamp(path: Path) -> _Stamp:
    """Return values that change when the file changes. None if it cannot be accessed; then reading it raises an
    error.
    """
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
