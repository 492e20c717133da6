"""Weights in files of their own: found through links, missing ones named, and read into one file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from colocate.errors import SpecError
from colocate.inference.networks.catalogue import resolve
from colocate.inference.onnx.external_data import check, external_tensors, take_in
from tests.inference.own_files import convolution, fed, random, value


def beside(path: Path, location: str = "weights.bin", **entries: str) -> Path:
    """A convolution whose weights are said to lie at `location`; they lie in weights.bin."""
    convolution(path, ["N", 3, 8, 8])
    model = onnx.load(path)
    (tensor,) = model.graph.initializer
    (path.parent / "weights.bin").write_bytes(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, text in {"location": location, **entries}.items():
        tensor.external_data.add(key=key, value=text)
    onnx.save(model, path)
    return path


def test_links_are_followed(tmp_path: Path, kept: Path) -> None:
    """As in a cache of downloads, where each name is a link to a file called after its digest."""
    stored, named = tmp_path / "stored", tmp_path / "named"
    stored.mkdir()
    named.mkdir()
    beside(stored / "m.onnx")
    for number, name in enumerate(("m.onnx", "weights.bin")):
        (stored / name).rename(stored / str(number))
        (named / name).symlink_to(stored / str(number))
    network = resolve(str(named / "m.onnx"), 2)
    assert network.path.parent == kept
    assert fed(network)["images"].shape == (2, 3, 8, 8)
    (copied,) = onnx.load(network.path).graph.initializer
    np.testing.assert_array_equal(numpy_helper.to_array(copied), random(4, 3, 3, 3))


@pytest.mark.parametrize(
    ("location", "entries"),
    [
        ("", {}),
        ("../weights.bin", {}),
        ("/weights.bin", {}),
        ("weights\0.bin", {}),
        ("weights.bin", {"offset": "far"}),
        ("weights.bin", {"offset": "-1"}),
        ("weights.bin", {"length": "-1"}),
    ],
)
def test_what_is_no_place_in_a_file_beside_it_is_refused(
    tmp_path: Path, location: str, entries: dict[str, str]
) -> None:
    with pytest.raises(SpecError, match=r"m\.onnx says of tensor 'w' that it lies at .*; export it again"):
        resolve(str(beside(tmp_path / "m.onnx", location, **entries)), 1)


@pytest.mark.parametrize(
    ("location", "entries", "said"),
    [
        ("weights.bin", {"offset": "4"}, r"weights\.bin, which holds weights of .*m\.onnx, is cut short"),
        ("weights.bin", {"offset": str(2**62)}, "is cut short"),
        ("weights.bin", {"offset": "9" * 900}, "is cut short"),
        (
            "weights.bin",
            {"length": "4"},
            "that 4 bytes of weights.bin are its own, and its shape needs 432",
        ),
        ("weights.bin", {"length": str(2**62)}, "and its shape needs 432"),
        ("folder", {}, "folder, which is no file; copy it there as one"),
        ("weights.bin/inside", {}, "weights in .*inside: Not a directory"),
        ("w" * 300, {}, "File name too long"),
    ],
)
def test_weights_that_do_not_lie_there_are_refused(
    tmp_path: Path, location: str, entries: dict[str, str], said: str
) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(SpecError, match=said):
        resolve(str(beside(tmp_path / "m.onnx", location, **entries)), 1)


def test_offset_and_length_are_kept_to(tmp_path: Path) -> None:
    path = beside(tmp_path / "m.onnx", offset="4", length="8")
    model = onnx.load(path, load_external_data=False)
    found = external_tensors(path, model)
    take_in(found)
    (tensor,) = model.graph.initializer
    assert tensor.raw_data == random(4, 3, 3, 3).tobytes()[4:12]
    assert not external_tensors(path, model)


def held(tensor: TensorProto) -> ModelProto:
    """A tensor that a node in a body holds."""
    node = helper.make_node("Constant", [], ["y"], value=tensor)
    body = helper.make_graph([node], "body", [], [value("y", [2])])
    choice = helper.make_node("If", ["c"], ["z"], then_branch=body, else_branch=body)
    return helper.make_model(helper.make_graph([choice], "g", [value("c", [])], [value("z", [2])]))


def test_a_tensor_of_a_body_is_one(tmp_path: Path) -> None:
    tensor = TensorProto(name="c", data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="absent.bin")
    found = external_tensors(tmp_path / "m.onnx", held(tensor))
    assert [each.file for each in found] == [tmp_path / "absent.bin"] * 2
    with pytest.raises(SpecError, match=r"absent\.bin, which does not exist"):
        check(tmp_path / "m.onnx", found)
