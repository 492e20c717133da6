"""What to feed a network: arrays as its specs of tensors want them."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from colocate.worker.errors import WorkerError
from colocate.worker.request import NetworkFile, TensorSpec


def input_arrays(file: NetworkFile, seed: int = 0) -> dict[str, npt.NDArray[Any]]:
    """What to feed each input: of its shape and type, the same for the same seed.

    Random rather than zeros, on which a GPU draws less power than on any real image. Raises WorkerError for a file
    that cannot be read or whose numbers the input cannot hold, and for an input that memory cannot hold.
    """
    rng = np.random.default_rng(seed)
    return {spec.name: _array(spec, rng) for spec in file.inputs}


def _array(spec: TensorSpec, rng: np.random.Generator) -> npt.NDArray[Any]:
    try:
        return _made(spec, rng) if spec.file is None else _stored(spec, Path(spec.file))
    except MemoryError as error:
        shape = "x".join(map(str, spec.shape))
        raise WorkerError(
            f"there is no memory for input '{spec.name}', {shape} of {spec.dtype}; give a smaller --batch or, where "
            "the file leaves the shape open, --shape"
        ) from error


def _made(spec: TensorSpec, rng: np.random.Generator) -> npt.NDArray[Any]:
    if math.prod(spec.shape) > sys.maxsize // np.dtype(np.int64).itemsize:
        # numpy has another error for what no address reaches.
        raise MemoryError
    if spec.constant is not None:
        return np.full(spec.shape, spec.constant).astype(spec.dtype)
    if spec.low is not None and spec.high is not None:
        return np.asarray(rng.integers(spec.low, spec.high, spec.shape)).astype(spec.dtype)
    return rng.standard_normal(spec.shape, dtype=np.float32).astype(spec.dtype)


def _stored(spec: TensorSpec, path: Path) -> npt.NDArray[Any]:
    try:
        with path.open("rb") as file:
            array = np.lib.format.read_array(file, allow_pickle=False).reshape(spec.shape)
    except (OSError, ValueError, EOFError) as error:
        raise WorkerError(f"input '{spec.name}': cannot read {path}: {error}") from error
    if array.dtype.kind not in "biuf":
        raise WorkerError(f"input '{spec.name}': {path} holds {array.dtype}; only numbers and booleans can be fed")
    with np.errstate(all="ignore"):
        found = np.ascontiguousarray(array.astype(spec.dtype)).reshape(spec.shape)
        # A fraction is rounded to the nearest that a type of floats has, and lost in integers.
        lost = np.isfinite(array) & ~np.isfinite(found) if found.dtype.kind == "f" else found != array
    if lost.any():
        raise WorkerError(
            f"input '{spec.name}' is of {spec.dtype}, which cannot hold {array[lost][0]} of {path}; convert the array"
        )
    return found
