"""The shape of an input: the file's, the study's, or guessed from names and from the graph."""

from __future__ import annotations

from typing import Any

import pytest
from onnx import helper

from colocate.errors import SpecError
from colocate.inference.onnx.input_shapes import InputDimensions, named_sizes, read_dimensions
from colocate.model.request import InputChoice
from tests.inference.own_files import value

Dims = tuple[int | str | None, ...]


def dimensions(dims: Dims, name: str = "x", op: str = "Identity", shape: tuple[int | None, ...] | None = None,
               **attributes: Any) -> InputDimensions:  # fmt: skip
    """Of an input that one node of that kind reads."""
    read = value(name, dims)
    graph = helper.make_graph([helper.make_node(op, [name], ["y"], **attributes)], "g", [read], [])
    return read_dimensions(graph, read, None if shape is None else InputChoice(name, shape))


def fed(*inputs: InputDimensions, batch: int = 2) -> list[tuple[int, ...]]:
    sizes = named_sizes(inputs, batch)
    return [each.shape(batch, sizes) for each in inputs]


@pytest.mark.parametrize(
    ("dims", "axis", "shape"),
    [
        # An image, whose batch is open or not, with a name or none.
        (("N", 3, "height", "width"), 0, (2, 3, 224, 224)),
        ((None, 3, None, None), 0, (2, 3, 224, 224)),
        (("unk__1", "h", "w", 3), 0, (2, 224, 224, 3)),
        (("d0", "d1", "d2", "d3"), 0, (2, 3, 224, 224)),
        ((1, 1, 64, "image_width"), 0, (1, 1, 64, 224)),
        # What a name calls a length is no side of an image.
        (("batch", 12, "sequence", 64), 0, (2, 12, 128, 64)),
        (("batch", 1, "sequence", "sequence"), 0, (2, 1, 128, 128)),
        (("batch", 80, "frames", 1), 0, (2, 80, 128, 1)),
        # Text and sound.
        (("batch", "sequence"), 0, (2, 128)),
        (("batch_size", "n_tokens", 8), 0, (2, 128, 8)),
        ((None, None), 0, (2, 128)),
        ((8,), None, (8,)),
        ((None,), None, (128,)),
        ((), None, ()),
        # The batch elsewhere.
        ((2, "batch", 128), 1, (2, 2, 128)),
        ((2, None, 128), 1, (2, 2, 128)),
        (("sequence", "batch", 64), 1, (128, 2, 64)),
        (("seq_len", 576), None, (128, 576)),
        # The past.
        (("batch", 12, "past_length", 64), 0, (2, 12, 0, 64)),
        (("batch", "past_sequence + sequence"), 0, (2, 128)),
        (("batch", "past_sequence + 1"), 0, (2, 1)),
    ],
)
def test_what_is_guessed(dims: Dims, axis: int | None, shape: tuple[int, ...]) -> None:
    read = dimensions(dims)
    beside = dimensions(("past_sequence", "sequence"), "beside")
    assert (read.batch_axis, fed(read, beside)[0]) == (axis, shape)


def test_a_nameless_length_of_what_is_called_past_is_empty() -> None:
    assert fed(dimensions((None, 2, 0, 4), "past_key_values.0.key")) == [(2, 2, 0, 4)]
    assert fed(dimensions((1, "length", 8), "cache")) == [(1, 128, 8)]


def test_an_open_side_is_a_guess_and_an_open_batch_is_none() -> None:
    assert dimensions((None, 3, "h", "w")).is_open
    assert not dimensions((None, 3, 8, 8)).is_open
    assert not dimensions((None, 3, "h", "w"), shape=(None, 3, 8, 8)).is_open


@pytest.mark.parametrize("op", ["LSTM", "GRU", "RNN"])
def test_a_recurrent_layer_has_the_time_first_unless_it_says_otherwise(op: str) -> None:
    assert dimensions((7, 4, 3), op=op).batch_axis == 1
    assert dimensions((7, 4, 3), op=op, layout=1).batch_axis == 0
    assert dimensions((7, 4, 3)).batch_axis == 0
    assert dimensions((7, 4, 3), op=op).own_batch == 4


def test_a_name_has_one_size_in_all_inputs() -> None:
    chosen = dimensions(("batch", "sequence"), "ids", shape=(None, 40))
    mask = dimensions(("batch", "sequence"), "mask")
    longer = dimensions(("batch", "sequence + 2"), "longer")
    assert fed(chosen, mask, longer) == [(2, 40), (2, 40), (2, 42)]
    fixed = dimensions(("batch", 3), "fixed", shape=(5, 3))
    assert named_sizes([fixed, mask], 5)["batch"] == 5


def test_a_choice_says_which_axis_is_the_batch() -> None:
    read = dimensions(("a", "b"), shape=(10, None))
    assert (read.batch_axis, read.own_batch, fed(read, batch=4)) == (1, None, [(10, 4)])


def test_of_nothing_there_is_no_batch() -> None:
    read = dimensions(("n",), shape=(0,))
    assert (read.batch_axis, read.own_batch, fed(read)) == (None, None, [(0,)])


@pytest.mark.parametrize("shape", [(2, 3, 8), (2, 1, 8, 8), (2, 3, 8, 8, 1), (), (2, 3, 9, 8)])
def test_a_choice_that_does_not_fit_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(SpecError, match="input 'x' is batchx3x8xw in the file, not "):
        dimensions(("batch", 3, 8, "w"), shape=shape)
