"""A few networks of each kind: read or refused in one line, by nothing but our own errors."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from colocate.errors import ColocateError
from tests.fuzz import networks
from tests.fuzz.inputs import Input

KINDS = (
    networks.damaged, networks.wrong_fields, networks.misplaced_weights, networks.exploding, networks.no_text,
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("number", range(5))
def test_a_network_is_read_or_refused_in_one_line(
    tmp_path: Path, kind: Callable[[random.Random], Input], number: int
) -> None:
    given = kind(random.Random(f"{kind.__name__} {number}"))
    for path, content in given.files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    assert given.run is not None
    said = ""
    with contextlib.suppress(ColocateError):
        try:
            given.run(tmp_path)
        except ColocateError as error:
            said = str(error)
            raise
    assert len(said) < 1000
