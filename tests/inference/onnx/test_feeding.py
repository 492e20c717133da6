"""What networks of users are fed: ONNX Runtime runs each on what was guessed or chosen."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, ValueInfoProto, helper, numpy_helper

from colocate.errors import SpecError
from colocate.inference.networks.catalogue import check, guesses, own_batch, resolve
from colocate.inference.onnx.graph import layers
from colocate.model.request import InputChoice
from colocate.worker.errors import WorkerError
from tests.inference import own_files
from tests.inference.own_files import fed, value, written

pytestmark = pytest.mark.usefixtures("kept")


def shapes(path: Path, batch: int = 1, *choices: InputChoice) -> dict[str, tuple[int, ...]]:
    """Of what ONNX Runtime ran on."""
    return {name: array.shape for name, array in fed(resolve(str(path), batch, "fp32", choices)).items()}


def test_open_sides_of_an_image_are_guessed_and_said(tmp_path: Path) -> None:
    path = own_files.convolution(tmp_path / "m.onnx", ["N", 3, "height", "width"])
    assert shapes(path, 2) == {"images": (2, 3, 224, 224)}
    assert guesses(str(path), 2) == resolve(str(path), 2).guesses == ("images=2x3x224x224",)
    assert (own_batch(str(path)), resolve(str(path), 2).macs) == (None, 2 * 4 * 222 * 222 * 27)


def test_a_chosen_shape_is_no_guess(tmp_path: Path) -> None:
    path = own_files.convolution(tmp_path / "m.onnx", ["N", 3, "height", "width"])
    follows, fixes = InputChoice("images", (None, 3, 32, 64)), InputChoice("images", (4, 3, 32, 64))
    assert shapes(path, 2, follows) == {"images": (2, 3, 32, 64)}
    assert guesses(str(path), 2, [follows]) == ()
    # A batch that the study fixes is the batch, as one that the file fixes.
    assert (own_batch(str(path), [follows]), own_batch(str(path), [fixes])) == (None, 4)
    with pytest.raises(SpecError, match="of batch 4, not 2"):
        check(str(path), 2, [fixes])


@pytest.mark.parametrize("batch", [3, 8])
def test_a_fixed_batch_is_the_only_one(tmp_path: Path, batch: int) -> None:
    path = own_files.convolution(tmp_path / "m.onnx", [batch, 3, 8, 8])
    assert own_batch(str(path)) == batch
    assert shapes(path, batch) == {"images": (batch, 3, 8, 8)}
    assert guesses(str(path), batch) == ()
    for other in (1, 2):
        with pytest.raises(SpecError, match=rf"m\.onnx: the file is of batch {batch}, not {other}; ask for that"):
            check(str(path), other)


@pytest.mark.parametrize("kind", [TensorProto.INT64, TensorProto.INT32])
def test_indices_stay_inside_their_table(tmp_path: Path, kind: int) -> None:
    path = own_files.embedding(tmp_path / "m.onnx", ["input_ids", "token_type_ids"], [30, 2], kind)
    arrays = fed(resolve(str(path), 4))
    dtype = "int64" if kind == TensorProto.INT64 else "int32"
    assert {name: (array.shape, array.dtype.name) for name, array in arrays.items()} == {
        "input_ids": ((4, 128), dtype),
        "token_type_ids": ((4, 128), dtype),
    }
    assert (arrays["token_type_ids"].min(), arrays["token_type_ids"].max()) == (0, 1)
    assert (arrays["input_ids"].min(), arrays["input_ids"].max()) == (0, 29)


@pytest.mark.parametrize("kind", [TensorProto.BOOL, TensorProto.INT64, TensorProto.FLOAT])
def test_masks_are_ones(tmp_path: Path, kind: int) -> None:
    nodes = [
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["x", "mask"], ["y"]),
    ]
    dims = ["batch", "sequence"]
    path = written(tmp_path / "m.onnx", nodes, [value("x", dims), value("attention_mask", dims, kind)])
    arrays = fed(resolve(str(path), 2))
    assert arrays["attention_mask"].shape == (2, 128) and arrays["attention_mask"].all()
    assert arrays["x"].std() > 0


def test_a_scalar_is_what_it_is_compared_with_or_one(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Equal", ["rate", "known"], ["same"]),
        helper.make_node("Mul", ["x", "gain"], ["louder"]),
        helper.make_node("Where", ["same", "louder", "x"], ["y"]),
    ]
    inputs = [value("x", [1, 4]), value("rate", [], TensorProto.INT64), value("gain", [])]
    path = written(tmp_path / "m.onnx", nodes, inputs, {"known": np.array(16000)})
    arrays = fed(resolve(str(path), 1))
    assert (arrays["rate"].shape, arrays["rate"].item(), arrays["gain"].item()) == ((), 16000, 1)
    chosen = fed(resolve(str(path), 1, "fp32", [InputChoice("rate", value=8000.0)]))
    assert (chosen["rate"].dtype.name, chosen["rate"].item()) == ("int64", 8000)


def test_the_batch_may_stand_in_the_middle(tmp_path: Path) -> None:
    path = own_files.lstm(tmp_path / "m.onnx")
    assert shapes(path, 4) == {"x": (7, 4, 3), "h": (1, 4, 5), "c": (1, 4, 5)}
    assert guesses(str(path), 4) == ()


def test_the_past_is_empty(tmp_path: Path) -> None:
    path = own_files.with_past(tmp_path / "m.onnx")
    assert shapes(path, 2) == {"past_keys": (2, 2, 0, 4), "keys": (2, 2, 128, 4)}
    longer = InputChoice("past_keys", (None, 2, 16, 4))
    assert shapes(path, 2, longer)["past_keys"] == (2, 2, 16, 4)


def test_weights_need_not_be_inputs_and_inputs_may_have_defaults(tmp_path: Path) -> None:
    node = helper.make_node("Add", ["x", "w"], ["y"])
    weights = {"w": own_files.random(1, 4)}
    for inputs in ([value("x", [1, 4])], [value("x", [1, 4]), value("w", [1, 4])]):
        path = written(tmp_path / f"{len(inputs)}.onnx", [node], inputs, weights)
        assert shapes(path) == {"x": (1, 4)}


@pytest.mark.parametrize(
    "kind",
    [
        *(TensorProto.UINT8, TensorProto.INT8, TensorProto.UINT16, TensorProto.INT16, TensorProto.INT32),
        *(TensorProto.INT64, TensorProto.UINT32, TensorProto.UINT64, TensorProto.BOOL),
        *(TensorProto.FLOAT16, TensorProto.FLOAT, TensorProto.DOUBLE),
    ],
)
def test_every_standard_type_is_fed(tmp_path: Path, kind: int) -> None:
    node = helper.make_node("Identity", ["x"], ["y"])
    path = written(tmp_path / "m.onnx", [node], [value("x", [2, 3], kind)], output=(kind, [2, 3]))
    (array,) = fed(resolve(str(path), 2)).values()
    assert array.dtype == helper.tensor_dtype_to_np_dtype(kind) and array.any()


@pytest.mark.parametrize(("kind", "name"), [(TensorProto.STRING, "string"), (TensorProto.BFLOAT16, "bfloat16")])
def test_another_type_is_refused_with_the_reason(tmp_path: Path, kind: int, name: str) -> None:
    node = helper.make_node("Identity", ["x"], ["y"])
    path = written(tmp_path / "m.onnx", [node], [value("x", [1], kind)], output=(kind, [1]))
    with pytest.raises(SpecError, match=rf"m\.onnx: input 'x' is of type {name}, which cannot be fed: only numbers"):
        check(str(path))


def test_an_array_of_a_file_is_what_is_fed(tmp_path: Path) -> None:
    path = own_files.convolution(tmp_path / "m.onnx", ["N", 3, "height", "width"])
    image = np.arange(2 * 3 * 8 * 16, dtype=np.uint8).reshape(2, 3, 8, 16)
    np.save(tmp_path / "x.npy", image)
    choice = InputChoice("images", value=str(tmp_path / "x.npy"))
    assert own_batch(str(path), [choice]) == 2
    np.testing.assert_array_equal(fed(resolve(str(path), 2, "fp32", [choice]))["images"], image.astype(np.float32))


def test_an_array_and_a_shape_of_one_input_agree(tmp_path: Path) -> None:
    path = own_files.written(
        tmp_path / "m.onnx", [helper.make_node("Relu", ["x"], ["y"])], [value("x", [None, None])]
    )
    np.save(tmp_path / "x.npy", own_files.random(2, 4))
    array = str(tmp_path / "x.npy")
    assert own_batch(str(path), [InputChoice("x", (2, 4), array)]) == 2
    assert own_batch(str(path), [InputChoice("x", (2, None), array)]) == 4
    with pytest.raises(SpecError, match=r"x\.npy is 2x4, and not 4x@batch as in --shape x=4x@batch"):
        check(str(path), 1, [InputChoice("x", (4, None), array)])


@pytest.mark.parametrize("by_array", [False, True])
def test_a_choice_that_fixes_the_batch_is_blamed_and_not_the_file(tmp_path: Path, by_array: bool) -> None:
    path = own_files.convolution(tmp_path / "m.onnx", ["N", 3, 8, 8])
    np.save(tmp_path / "x.npy", own_files.random(2, 3, 8, 8))
    chosen: dict[str, Any] = {"value": str(tmp_path / "x.npy")} if by_array else {"shape": (2, 3, 8, 8)}
    with pytest.raises(SpecError, match="what is chosen for input 'images', by --shape or as an array, is of"):
        check(str(path), 3, [InputChoice("images", **chosen)])


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (InputChoice("image", (1, 3, 8, 8)), r"m\.onnx: the network has no input 'image'; its inputs are images"),
        (InputChoice("images", (1, 1, 8, 8)), r"m\.onnx: input 'images' is Nx3xhx\? in the file, not 1x1x8x8"),
        (InputChoice("images", (None, 3, 8)), "not @batchx3x8"),
        (InputChoice("images", ()), "not a scalar"),
        (InputChoice("images", value="absent.npy"), r"m\.onnx: cannot read the input absent\.npy: No such file"),
    ],
)
def test_a_choice_that_contradicts_the_file_is_refused(tmp_path: Path, choice: InputChoice, said: str) -> None:
    path = own_files.convolution(tmp_path / "m.onnx", ["N", 3, "h", None])
    with pytest.raises(SpecError, match=said):
        check(str(path), 1, [choice])


@pytest.mark.parametrize("content", [b"", b"no array", b"\x93NUMPY\x01\x00"])
def test_a_file_that_is_no_array_is_refused(tmp_path: Path, content: bytes) -> None:
    path = own_files.convolution(tmp_path / "m.onnx", [1, 3, 8, 8])
    (tmp_path / "x.npy").write_bytes(content)
    with pytest.raises(SpecError, match=r"x\.npy is no array of numpy") as caught:
        check(str(path), 1, [InputChoice("images", value=str(tmp_path / "x.npy"))])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (
            np.full((1, 3, 8, 8), 1e300),
            r"m\.onnx: input 'images' is of float32, which cannot hold 1e\+300 of ",
        ),
        (np.full((1, 3, 8, 8), "a"), r"m\.onnx: input 'images': .*x\.npy holds <U1; only numbers and booleans"),
    ],
)
def test_what_an_input_cannot_hold_is_refused_before_anything_runs(
    tmp_path: Path, array: npt.NDArray[Any], said: str
) -> None:
    path = own_files.convolution(tmp_path / "m.onnx", [1, 3, 8, 8])
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(SpecError, match=said):
        check(str(path), 1, [InputChoice("images", value=str(tmp_path / "x.npy"))])


def test_where_nothing_counts_a_batch_it_is_one(tmp_path: Path) -> None:
    node = helper.make_node("Identity", ["x"], ["y"])
    path = written(tmp_path / "m.onnx", [node], [value("x", ["samples"])])
    assert shapes(path) == {"x": (128,)}
    with pytest.raises(SpecError, match=r"no dimension is known to count a batch of 2.*--shape x=@batch"):
        check(str(path), 2)
    assert shapes(path, 2, InputChoice("x", (None,))) == {"x": (2,)}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (helper.make_tensor_sequence_value_info("x", own_files.FLOAT, [2]), "a sequence"),
        (helper.make_value_info("x", helper.make_optional_type_proto(value("x", [2]).type)), "an optional"),
        (helper.make_value_info("x", helper.make_sparse_tensor_type_proto(own_files.FLOAT, [2])), "a sparse tensor"),
        (ValueInfoProto(name="x"), "of no type"),
    ],
)
def test_what_is_no_array_is_refused_by_its_kind(tmp_path: Path, given: ValueInfoProto, said: str) -> None:
    path = written(tmp_path / "m.onnx", [helper.make_node("Identity", ["x"], ["y"])], [given])
    with pytest.raises(SpecError, match=f"input 'x' is {said}, which cannot be fed: only arrays can"):
        check(str(path), 1, [InputChoice("x", (2,))])


def test_dimensions_of_an_unknown_number_are_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path / "m.onnx", [helper.make_node("Relu", ["x"], ["y"])], [value("x", None)])
    with pytest.raises(SpecError, match=r"does not say how many dimensions 'x' has; give --shape x="):
        check(str(path))
    assert shapes(path, 1, InputChoice("x", (1, 5))) == {"x": (1, 5)}


def test_a_past_whose_length_is_nought_in_the_file_is_fed_so(tmp_path: Path) -> None:
    node = helper.make_node("Concat", ["past", "keys"], ["y"], axis=2)
    path = written(tmp_path / "m.onnx", [node], [value("past", [1, 2, 0, 4]), value("keys", [1, 2, 3, 4])])
    assert shapes(path) == {"past": (1, 2, 0, 4), "keys": (1, 2, 3, 4)}


def test_types_that_contradict_leave_layers_of_unknown_sizes(tmp_path: Path) -> None:
    """The runtime ignores the type of an input that a constant of its name takes the place of."""
    node = helper.make_node("MatMul", ["x", "w"], ["y"], name="product")
    path = written(tmp_path / "m.onnx", [node], [value("x", ["N", 4])])
    model = onnx.load(path)
    values = numpy_helper.from_array(np.ones(2, np.float32), "w")
    indices = numpy_helper.from_array(np.array([0, 5]), "indices")
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [4, 4]))
    model.graph.input.append(value("w", [4, 4]))
    onnx.save(model, path)
    network = resolve(str(path), 2)
    assert fed(network)["x"].shape == (2, 4)
    assert network.macs is None
    assert [(layer.name, layer.macs) for layer in layers(network.path)] == [("product", None)]


def test_a_branch_that_is_not_taken_may_contradict_the_shapes(tmp_path: Path) -> None:
    """No runtime loads this file with the shape of `x` fixed: the other branch wants another length."""
    branches = {
        f"{name}_branch": helper.make_graph([node], name, [], [value(f"y.{name}", None)])
        for name, node in (
            ("then", helper.make_node("Relu", ["x"], ["y.then"])),
            ("else", helper.make_node("MatMul", ["x", "w"], ["y.else"])),
        )
    }
    nodes = [
        helper.make_node("Equal", ["rate", "known"], ["same"]),
        helper.make_node("If", ["same"], ["y"], **branches),
    ]
    stored = {"known": np.array(8000), "w": own_files.random(7, 7)}
    inputs = [value("x", ["batch", "sequence"]), value("rate", [], TensorProto.INT64)]
    path = written(tmp_path / "m.onnx", nodes, inputs, stored)
    assert shapes(path, 2) == {"x": (2, 128), "rate": ()}
    network = resolve(str(path), 2)
    assert network.path != path and network.source == path
    with pytest.raises(WorkerError, match="cannot load"):
        fed(dataclasses.replace(network, source=None))
