"""Shapes and values of inputs as a user writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from colocate.errors import SpecError
from colocate.inference.networks.input_choices import input_choices
from colocate.model.request import InputChoice


def test_shapes_and_values_of_one_input_are_one_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = input_choices({"x": "@batchx3x640x480", "rate": ""}, {"rate": 16000, "x": "photo.npy", "gain": "0.5"})
    assert found == (
        InputChoice("gain", None, 0.5),
        InputChoice("rate", (), 16000.0),
        # A run is resumed from any folder.
        InputChoice("x", (None, 3, 640, 480), str(tmp_path / "photo.npy")),
    )
    assert input_choices({}, {}) == ()


@pytest.mark.parametrize(
    "text", ["1,3,8", "1x", "x3", "batchx3", "-1x3", "1.5x3", "@batch3", "1 x 3", "\u0663x1", "9" * 5000]
)
def test_what_is_no_shape_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match=r"--shape x: write .* as 1x3x320x320, or as @batchx3x320x320"):
        input_choices({"x": text}, {})


@pytest.mark.parametrize(
    ("text", "said"),
    [("@batchx@batch", "two dimensions of @batch"), ("1x99999999999999999999", "a dimension beyond 1099511627776")],
)
def test_a_shape_that_no_input_can_have_is_refused(text: str, said: str) -> None:
    with pytest.raises(SpecError, match=f"--shape x: '{text}' has {said}"):
        input_choices({"x": text}, {})


@pytest.mark.parametrize("value", ["photo.png", "", "one"])
def test_what_is_neither_number_nor_array_is_refused(value: str) -> None:
    with pytest.raises(SpecError, match=r"--input x: give a number or the path of an \.npy file, not"):
        input_choices({}, {"x": value})


@pytest.mark.parametrize("value", ["nan", "inf", float("inf")])
def test_a_number_must_be_one(value: str | float) -> None:
    with pytest.raises(SpecError, match=r"--input x: .* is no number to feed"):
        input_choices({}, {"x": value})
