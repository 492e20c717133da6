"""The opset of a file, read without the package onnx."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import helper

from colocate.worker.backends.onnx_header import opset_of
from tests.small import small_network


def test_the_opset_of_a_real_file_is_found(tmp_path: Path) -> None:
    content = small_network(tmp_path).file.path.read_bytes()
    assert opset_of(content) == onnx.load_from_string(content).opset_import[0].version


@pytest.mark.parametrize(
    ("imports", "found"),
    [
        ([("", 17)], 17),
        ([("ai.onnx", 9)], 9),
        ([("acme", 1), ("", 300)], 300),
        ([("acme", 1)], None),
    ],
)
def test_only_onnx_own_operators_count(imports: list[tuple[str, int]], found: int | None) -> None:
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [], [])
    opsets = [helper.make_opsetid(domain, version) for domain, version in imports]
    assert opset_of(helper.make_model(graph, opset_imports=opsets).SerializeToString()) == found


@pytest.mark.parametrize("content", [b"", b"\xff" * 40, b"\x42\x7f", b"\x0f", b"plain text, no file of ONNX"])
def test_what_is_no_file_of_onnx_has_none(content: bytes) -> None:
    assert opset_of(content) is None
