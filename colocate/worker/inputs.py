"""Make the arrays that a network is fed, from the `TensorSpec` of each input."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from colocate.worker.errors import WorkerError
from colocate.worker.older import product
from colocate.worker.request import NetworkFile, TensorSpec

if TYPE_CHECKING:
    import numpy.typing as npt

# Of numpy's types: booleans, integers and floats.
FED_KINDS = "biuf"


def input_arrays(file: NetworkFile, seed: int = 0) -> "dict[str, npt.NDArray[Any]]":
    """Return an array for each input, by name, of its shape and type. The same `seed` gives the same arrays.

    The default is random rather than zeros, on which a GPU draws less power than on any real image. Raises
    WorkerError for a file that cannot be read or whose numbers the input cannot hold, and for an input that memory
    cannot hold.
    """
    # The only generator of numpy 1.13; its numbers are the same in every version.
    rng = np.random.RandomState(seed)
    return {spec.name: _array(spec, rng) for spec in file.inputs}


def _array(spec: TensorSpec, rng: np.random.RandomState) -> "npt.NDArray[Any]":
    try:
        return _made(spec, rng) if spec.file is None else _stored(spec, Path(spec.file))
    except MemoryError as error:
        shape = "x".join(map(str, spec.shape))
        raise WorkerError(
            f"there is no memory for input '{spec.name}', {shape} of {spec.dtype}; give a smaller --batch or, where "
            "the file leaves the shape open, --shape"
        ) from error


def _made(spec: TensorSpec, rng: np.random.RandomState) -> "npt.NDArray[Any]":
    if product(spec.shape) > sys.maxsize // np.dtype(np.int64).itemsize:
        # numpy has another error for what no address reaches.
        raise MemoryError
    if spec.constant is not None:
        return np.full(spec.shape, spec.constant).astype(spec.dtype)
    if spec.low is not None and spec.high is not None:
        return np.asarray(rng.randint(spec.low, spec.high, spec.shape, np.int64)).astype(spec.dtype)
    return np.asarray(rng.standard_normal(spec.shape)).astype(spec.dtype)


def _stored(spec: TensorSpec, path: Path) -> "npt.NDArray[Any]":
    try:
        with path.open("rb") as file:
            array = np.lib.format.read_array(file, allow_pickle=False).reshape(spec.shape)
    except (OSError, ValueError, EOFError) as error:
        raise WorkerError(f"input '{spec.name}': cannot read {path}: {error}") from error
    if array.dtype.kind not in FED_KINDS:
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
