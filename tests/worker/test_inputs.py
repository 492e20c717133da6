"""What a network is fed: of its shape and type, and never zeros."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from colocate.worker.errors import WorkerError
from colocate.worker.inputs import input_arrays
from colocate.worker.request import NetworkFile, TensorSpec


def fed_by(*inputs: TensorSpec) -> NetworkFile:
    return NetworkFile("n", Path("n.onnx"), "", inputs)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "uint8", "int8", "int64", "uint32"])
def test_the_input_is_of_its_type_and_not_zero(dtype: str) -> None:
    spec = TensorSpec("x", (2, 3, 8, 8), dtype)
    file = fed_by(spec if dtype.startswith("float") else spec._replace(low=1, high=100))
    x = input_arrays(file, seed=7)["x"]
    assert (x.dtype.name, x.shape) == (dtype, (2, 3, 8, 8))
    assert np.count_nonzero(x) > 0.99 * x.size
    assert x.std() > 0
    np.testing.assert_array_equal(x, input_arrays(file, seed=7)["x"])
    assert (x != input_arrays(file, seed=8)["x"]).any()


def test_each_input_has_numbers_of_its_own() -> None:
    arrays = input_arrays(fed_by(*(TensorSpec(name, (4, 4), "float32") for name in ("left", "right"))))
    assert list(arrays) == ["left", "right"]
    assert (arrays["left"] != arrays["right"]).all()


def test_an_index_stays_inside_its_range() -> None:
    x = input_arrays(fed_by(TensorSpec("x", (1000,), "int64", low=0, high=2)))["x"]
    assert (x.min(), x.max()) == (0, 1)


@pytest.mark.parametrize(("dtype", "number"), [("bool", 1.0), ("int64", 16000.0), ("float16", 0.5)])
def test_a_constant_fills_a_scalar_and_an_array(dtype: str, number: float) -> None:
    arrays = input_arrays(fed_by(*(TensorSpec(f"x{s}", s, dtype, constant=number) for s in ((), (2, 3)))))
    assert [(x.shape, x.dtype.name, set(x.ravel().tolist())) for x in arrays.values()] == [
        (shape, dtype, {number}) for shape in ((), (2, 3))
    ]


def test_nothing_is_fed_where_a_size_is_nought() -> None:
    assert input_arrays(fed_by(TensorSpec("x", (2, 0, 4), "float32")))["x"].shape == (2, 0, 4)


def test_a_stored_array_is_fed_in_the_type_of_the_input(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(6).reshape(2, 3).T)
    x = input_arrays(fed_by(TensorSpec("x", (3, 2), "float32", file=str(tmp_path / "x.npy"))))["x"]
    assert x.dtype == np.float32 and x.flags.c_contiguous
    np.testing.assert_array_equal(x, [[0, 3], [1, 4], [2, 5]])


@pytest.mark.parametrize(
    ("array", "dtype", "said"),
    [
        ([0.5, 1.0], "uint8", "is of uint8, which cannot hold 0.5"),
        ([1, -1], "uint8", "which cannot hold -1"),
        ([1, 300], "int8", "which cannot hold 300"),
        ([1, 2], "bool", "which cannot hold 2"),
        ([1.0, np.nan], "int64", "which cannot hold nan"),
        ([1.0, 1e6], "float16", "which cannot hold 1000000"),
        (["1", "2"], "float32", "holds <U1; only numbers and booleans"),
        ([1j, 2j], "float32", "holds complex128; only numbers"),
    ],
)
def test_what_an_input_cannot_hold_is_refused_and_not_bent(
    tmp_path: Path, array: list[object], dtype: str, said: str
) -> None:
    np.save(tmp_path / "x.npy", np.array(array))
    with pytest.raises(WorkerError, match=rf"input 'x'.*{said}"):
        input_arrays(fed_by(TensorSpec("x", (2,), dtype, file=str(tmp_path / "x.npy"))))


@pytest.mark.parametrize("array", [[1e-9, 0.1], [np.nan, np.inf], [True, False], [2**40, 1]])
def test_floats_round_what_they_are_given(tmp_path: Path, array: list[object]) -> None:
    np.save(tmp_path / "x.npy", np.array(array))
    x = input_arrays(fed_by(TensorSpec("x", (2,), "float32", file=str(tmp_path / "x.npy"))))["x"]
    np.testing.assert_array_equal(x, np.array(array, np.float32))


@pytest.mark.parametrize("size", [2**44, 2**62])
@pytest.mark.parametrize("fields", [{}, {"constant": 1.0}, {"low": 0, "high": 2}])
def test_what_memory_cannot_hold_is_named(size: int, fields: dict[str, float]) -> None:
    dtype = "int64" if "low" in fields else "float32"
    with pytest.raises(WorkerError, match=rf"no memory for input 'x', {size}x64 of {dtype}; give a smaller --batch"):
        input_arrays(fed_by(TensorSpec("x", (size, 64), dtype, **fields)))  # type: ignore[arg-type]


@pytest.mark.parametrize("content", [None, b"no array"])
def test_a_stored_array_that_is_gone_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.npy"
    if content:
        path.write_bytes(content)
    with pytest.raises(WorkerError, match=r"input 'x': cannot read .*x\.npy"):
        input_arrays(fed_by(TensorSpec("x", (1,), "float32", file=str(path))))
