"""A TensorRT engine of the user's own as a network. It runs as it is, and only TensorRT can read it.

So only the worker knows its inputs and types, and nobody knows its layers.
"""

from __future__ import annotations

import errno
import functools
from collections.abc import Sequence
from pathlib import Path

from colocate.errors import SpecError
from colocate.inference.networks.network import Network
from colocate.model.network_path import is_engine
from colocate.model.request import InputChoice
from colocate.worker import cache
from colocate.worker.request import TensorSpec


def engine_network(network: str, batch: int, choices: Sequence[InputChoice]) -> Network:
    """Return the engine at the path `network`. The study's `choices` describe inputs; the worker fills the others.

    Raises SpecError if the file cannot be read, if an array cannot be read or fed, and if another user could have
    written the engine, which runs as code.
    """
    path = Path(network).absolute()
    inputs = tuple(_filled(choice, batch) for choice in choices)
    return Network(path.stem, path, _sha256(path, _stamp(path)), inputs, None, None, engine=True)


def refuse_engine(network: str, wanted: str) -> None:
    """Raise SpecError if `network` is an engine, as its graph cannot be read; `wanted` goes into the message."""
    if is_engine(network):
        raise SpecError(f"{network} is an engine, {wanted}; give the .onnx file that it was built from")


def _filled(choice: InputChoice, batch: int) -> TensorSpec:
    chosen = choice.shape
    if isinstance(choice.value, str):
        # Imported here because it loads onnx, which an engine does not otherwise need.
        from colocate.inference.onnx.input_shapes import chosen_shape

        chosen, _ = chosen_shape(choice)
    shape = tuple(batch if size is None else size for size in chosen or ())
    if isinstance(choice.value, str):
        return TensorSpec(choice.name, shape, "", file=choice.value)
    return TensorSpec(choice.name, shape, "", constant=choice.value)


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except FileNotFoundError as error:
        raise SpecError(f"there is no file {path}; name the file of a network that is there") from error
    except OSError as error:
        raise SpecError(f"cannot read {path}: {error.strerror}") from error
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_mode, found.st_uid


@functools.lru_cache
def _sha256(path: Path, stamp: tuple[int, ...]) -> str:
    """Return the SHA-256 of the file; cached while `stamp` stays the same, because a command asks several times."""
    try:
        return cache.private_sha256(path)
    except OSError as error:
        why = ""
        if error.errno == errno.EPERM:
            why = (
                "; an engine runs as code, so it must be yours or root's, and no other user may write it (chown, "
                "chmod go-w)"
            )
        raise SpecError(f"cannot use {path}: {error.strerror}{why}") from error
