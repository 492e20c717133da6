"""A network's path tells built-ins, files and engines apart."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from colocate.model.network_path import is_array, is_engine, is_file, is_ort


@pytest.mark.parametrize(
    ("network", "file", "engine"),
    [
        ("alexnet", False, False),
        ("/nets/a.onnx", True, False),
        ("/nets/a.engine", True, True),
        ("a.plan", True, True),
        ("/nets/A.ONNX", True, False),
        ("X.ENGINE", True, True),
        ("X.Plan", True, True),
        ("engine", False, False),
        ("onnx.txt", False, False),
    ],
)
def test_a_path_says_what_it_is(network: str, file: bool, engine: bool) -> None:
    assert (is_file(network), is_engine(network)) == (file, engine)


@pytest.mark.parametrize(("is_one", "suffix"), [(is_ort, ".ort"), (is_array, ".npy")])
def test_other_files_are_told_by_their_suffix(is_one: Callable[[str], bool], suffix: str) -> None:
    assert is_one(f"a{suffix}") and is_one(f"a{suffix.upper()}")
    assert not is_one("a.onnx") and not is_one(suffix[1:])
