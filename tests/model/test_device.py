from __future__ import annotations

import pytest

from colocate.errors import SpecError
from colocate.model.device import Workers, parse_device


@pytest.mark.parametrize(
    ("text", "device", "gpu"),
    [
        ("cuda", "cuda:0", 0),
        ("cuda:03", "cuda:3", 3),
        ("dla", "dla:0", None),
        (" dla:1 ", "dla:1", None),
        ("cpu",) * 2 + (None,),
    ],
)
def test_a_device_is_a_word_and_a_number(text: str, device: str, gpu: int | None) -> None:
    assert parse_device(text) == device
    assert Workers(device=device).gpu == gpu


@pytest.mark.parametrize("text", ["", "gpu", "cuda:", "cuda:-1", "cuda:1,2", "cuda:٣", "dla:1000", "cpu:0"])
def test_what_is_no_device_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match=r"^device: .* is none; give cuda:N, dla:N or cpu"):
        parse_device(text)


def test_without_a_choice_there_is_none() -> None:
    assert Workers().gpu is None
