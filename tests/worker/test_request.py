"""A request survives its way through a command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.worker.errors import WorkerError
from colocate.worker.request import NetworkFile, Request, TensorSpec, from_json

# A command line holds no character of code 0.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
PATHS = TEXT.map(Path)
TENSORS = st.builds(TensorSpec, TEXT, st.lists(st.integers(1), max_size=5).map(tuple), TEXT)
FILES = st.builds(NetworkFile, TEXT, PATHS, TEXT, st.lists(TENSORS, max_size=3).map(tuple))
REQUESTS = st.builds(
    Request,
    target=TEXT,
    network=TEXT,
    precision=TEXT,
    batch=st.integers(1),
    graph=st.booleans(),
    wait=TEXT,
    period_s=st.none() | st.floats(min_value=0, allow_infinity=False),
    file=st.none() | FILES,
    cache=PATHS,
    profiled=st.booleans(),
)


@given(REQUESTS)
def test_from_json_is_the_inverse_of_to_json(request: Request) -> None:
    text = request.to_json()
    again = from_json(text)
    assert again == request
    # A tuple equals a tuple of other parts: these are what the fields say.
    assert isinstance(again.cache, Path) and isinstance(again.file, NetworkFile | None)
    if again.file is not None:
        assert isinstance(again.file.path, Path)
        assert all(isinstance(spec, TensorSpec) and isinstance(spec.shape, tuple) for spec in again.file.inputs)
    assert "\n" not in text and text.isascii(), "one argument of a command, in any locale"


def test_what_is_left_out_has_its_default() -> None:
    request = from_json(Request("module:class", "spin-1ms").to_json())
    assert request == Request("module:class", "spin-1ms", "fp32", 1, False, "spin", None, None, Path(), False)


def test_a_key_that_is_no_field_is_refused() -> None:
    fields = json.loads(Request("module:class", "spin-1ms").to_json())
    with pytest.raises(TypeError, match="surprise"):
        from_json(json.dumps({**fields, "surprise": 1}))


def test_the_two_sides_are_of_one_version() -> None:
    fields = json.loads(Request("module:class", "spin-1ms").to_json())
    with pytest.raises(WorkerError, match=r"^colocate 9\.0 started a worker of colocate 0\..*: run this again$"):
        from_json(json.dumps({**fields, "version": "9.0"}))


def test_a_runtime_of_files_needs_one() -> None:
    file = NetworkFile("small", Path("small.onnx"), "0" * 64, ())
    assert Request("module:class", "small", file=file).loaded is file
    with pytest.raises(AssertionError, match="runs a network's file"):
        _ = Request("module:class", "spin-1ms").loaded
