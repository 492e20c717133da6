"""What to feed a network: arrays as its specs of tensors want them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from colocate.worker.errors import WorkerError
from colocate.worker.request import NetworkFile, TensorSpec


def input_arrays(file: NetworkFile, seed: int = 0) -> dict[str, npt.NDArray[Any]]:
    """What to feed each input: of its shape and type, the same for the same seed.

    Random rather than zeros, on which a GPU draws less power than on any real image. Raises WorkerError for a file
    that cannot be read.
    """
    rng = np.random.default_rng(seed)
    return {spec.name: _array(spec, rng) for spec in file.inputs}


def _array(spec: TensorSpec, rng: np.random.Generator) -> npt.NDArray[Any]:
    if spec.file is not None:
        return _stored(spec)
    if spec.constant is not None:
        return np.full(spec.shape, spec.constant).astype(spec.dtype)
    if spec.low is not None and spec.high is not None:
        return np.asarray(rng.integers(spec.low, spec.high, spec.shape)).astype(spec.dtype)
    return rng.standard_normal(spec.shape, dtype=np.float32).astype(spec.dtype)


def _stored(spec: TensorSpec) -> npt.NDArray[Any]:
    assert spec.file is not None
    try:
        return np.ascontiguousarray(np.load(spec.file, allow_pickle=False).astype(spec.dtype).reshape(spec.shape))
    except (OSError, ValueError, EOFError) as error:
        raise WorkerError(f"input '{spec.name}': cannot read {spec.file}: {error}") from error
