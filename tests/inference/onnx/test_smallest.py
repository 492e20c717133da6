from __future__ import annotations

import hashlib

import numpy as np
import onnx

from colocate.inference.onnx.smallest import smallest_network
from colocate.worker.inputs import input_arrays
from tests.inference.session import session


def test_it_runs_and_leaves_no_file() -> None:
    with smallest_network() as file:
        onnx.checker.check_model(file.path, full_check=True)
        assert file.sha256 == hashlib.sha256(file.path.read_bytes()).hexdigest()
        fed = input_arrays(file)
        (y,) = session(str(file.path)).run(None, fed)
    np.testing.assert_array_equal(y, np.maximum(fed["x"], 0))
    assert not file.path.parent.exists()


def test_it_is_the_same_each_time() -> None:
    """A runtime that keeps what it builds of it, builds it once."""
    with smallest_network() as first, smallest_network() as second:
        assert first.path != second.path
        assert first._replace(path=second.path) == second
