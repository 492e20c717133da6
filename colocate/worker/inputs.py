"""What to feed a network: arrays of the shapes and types that its file wants."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from colocate.worker.request import NetworkFile, TensorSpec


def input_arrays(file: NetworkFile, seed: int = 0) -> dict[str, npt.NDArray[Any]]:
    """What to feed each input: of its shape and type, random, the same for the same seed.

    Never zeros, on which a GPU draws less power than on any real image. Standard normal for floats; 1 to 127
    for small integers; 1 to 9 for int64, which mostly are indices into a table of unknown length.
    """
    rng = np.random.default_rng(seed)
    return {spec.name: _random(spec, rng) for spec in file.inputs}


def _random(spec: TensorSpec, rng: np.random.Generator) -> npt.NDArray[Any]:
    if spec.dtype.startswith("float"):
        return rng.standard_normal(spec.shape, dtype=np.float32).astype(spec.dtype)
    return rng.integers(1, 10 if spec.dtype == "int64" else 128, spec.shape).astype(spec.dtype)
