"""Damage, and nodes without what their operators need, are refused by one line; the rest the runtime judges."""

from __future__ import annotations

from pathlib import Path

import pytest
from onnx import NodeProto, helper

from colocate.errors import SpecError
from colocate.inference.networks.catalogue import resolve
from tests.inference.own_files import INT64, random, value, written


@pytest.mark.parametrize(
    ("node", "lacking"),
    [
        (helper.make_node("Conv", ["x"], ["y"], name="c"), "node 'c' \\(Conv\\) has 1 inputs where 2 are needed"),
        (helper.make_node("Gather", [], ["y"]), "\\(Gather\\) has 0 inputs"),
        (helper.make_node("Relu", ["x"], []), "\\(Relu\\) has 0 outputs where 1 are needed"),
        (helper.make_node("LSTM", ["x", "w", "w"], []), None),
        (helper.make_node("Cast", ["x"], ["y"]), "\\(Cast\\) has no attribute 'to'"),
        (helper.make_node("Loop", ["x", "x"], ["y"]), "\\(Loop\\) has no attribute 'body'"),
        (helper.make_node("Conv", ["x", ""], ["y"]), "\\(Conv\\) has no input 'W'"),
        (
            helper.make_node("Gather", ["w", "x"], ["y"], axis="1"),
            "an attribute 'axis' of type 3 where type 2 is",
        ),
        (helper.make_node("Conv", ["x"], ["y"], domain="a.domain.of.one's.own"), None),
        (helper.make_node("Gather", [], [], domain="a.domain.of.one's.own"), None),
        (helper.make_node("Cast", [], [], domain="a.domain.of.one's.own"), None),
        (helper.make_node("Loop", [], ["y"], domain="a.domain.of.one's.own"), None),
        (helper.make_node("QGemm", [], ["y"], domain="com.microsoft"), None),
        (helper.make_node("NoSuchOperator", [], ["y"]), None),
    ],
)
def test_a_node_has_what_its_operator_needs(tmp_path: Path, node: NodeProto, lacking: str | None) -> None:
    path = written(tmp_path / "m.onnx", [node], [value("x", [1, 3, 8, 8])], {"w": random(2, 2)})
    if lacking is None:
        resolve(str(path), 1)
        return
    with pytest.raises(SpecError, match=rf"m\.onnx: .*{lacking}.*; export it again"):
        resolve(str(path), 1)


@pytest.mark.parametrize("name", [b"Relu", b"sequence", b"x_in", b"y_out", b"act"])
def test_a_name_that_is_no_text_is_damage(tmp_path: Path, name: bytes) -> None:
    node = helper.make_node("Relu", ["x_in"], ["y_out"], name="act")
    path = written(tmp_path / "m.onnx", [node], [value("x_in", [1, "sequence"])])
    path.write_bytes(path.read_bytes().replace(name, b"\xff" + name[1:]))
    with pytest.raises(SpecError, match=r"m\.onnx: it is damaged: b'\\xff.*' stands in place of a name; copy it"):
        resolve(str(path), 1)


def test_a_name_of_several_lines_is_said_in_one(tmp_path: Path) -> None:
    path = written(tmp_path / "m.onnx", [helper.make_node("Relu", ["x\ny"], ["y"])], [value("x\ny", None)])
    with pytest.raises(SpecError, match="how many dimensions 'x\N{REPLACEMENT CHARACTER}y' has"):
        resolve(str(path), 1)


def test_nodes_of_bodies_are_looked_at(tmp_path: Path) -> None:
    body = helper.make_graph([helper.make_node("Add", ["x"], ["z"], name="inner")], "b", [], [value("z", [1])])
    node = helper.make_node("If", ["c"], ["y"], then_branch=body, else_branch=body)
    path = written(tmp_path / "m.onnx", [node], [value("c", []), value("x", [1])])
    with pytest.raises(SpecError, match=r"node 'inner' \(Add\) has 1 inputs"):
        resolve(str(path), 1)


@pytest.mark.parametrize("axis", [7, -7])
def test_an_axis_that_a_table_does_not_have_is_for_the_runtime(tmp_path: Path, axis: int) -> None:
    node = helper.make_node("Gather", ["w", "x"], ["y"], axis=axis)
    assert resolve(str(written(tmp_path / "m.onnx", [node], [value("x", [1, 3], INT64)], {"w": random(2, 2)})), 1)


def test_a_name_that_fills_the_screen_is_refused(tmp_path: Path) -> None:
    node = helper.make_node("Relu", ["x" * 1001], ["y"])
    path = written(tmp_path / "m.onnx", [node], [value("x" * 1001, [1])])
    with pytest.raises(SpecError, match=r"the name 'x{60}'\.\.\. has 1001 characters, and 1000 are the most"):
        resolve(str(path), 1)


def test_text_that_no_reader_looks_at_may_be_in_any_encoding(tmp_path: Path) -> None:
    node = helper.make_node("Relu", ["x"], ["y"], doc_string="AAAA")
    path = written(tmp_path / "m.onnx", [node], [value("x", [1])])
    path.write_bytes(path.read_bytes().replace(b"AAAA", b"\xff\xfe\xff\xfe"))
    resolve(str(path), 1)
