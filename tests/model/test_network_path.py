"""A network's path tells built-ins, files and engines apart."""

from __future__ import annotations

import pytest

from colocate.model.network_path import is_engine, is_file


@pytest.mark.parametrize(
    ("network", "file", "engine"),
    [
        ("alexnet", False, False),
        ("/nets/a.onnx", True, False),
        ("/nets/a.engine", True, True),
        ("a.plan", True, True),
        ("engine", False, False),
    ],
)
def test_a_path_says_what_it_is(network: str, file: bool, engine: bool) -> None:
    assert (is_file(network), is_engine(network)) == (file, engine)
