"""What a runtime says, in one line, with what the network was fed."""

from __future__ import annotations

from pathlib import Path

import pytest

from colocate.worker.errors import one_line, refused
from colocate.worker.request import NetworkFile, TensorSpec


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("[ONNXRuntimeError] : 7 : INVALID_PROTOBUF : failed\n at line 3", "failed"),
        ("[ONNXRuntimeError] : what no status precedes", "what no status precedes"),
        ("  plain  ", "plain"),
        (
            "Status Message: /src/wise_ops.h:583 void Append(int, int) axis was false.",
            "Status Message: axis was false.",
        ),
        ("", "RuntimeError('')"),
    ],
)
def test_one_line_of_what_the_runtime_says(said: str, line: str) -> None:
    assert one_line(RuntimeError(said)) == line


def test_a_refusal_says_what_was_fed_and_how_to_change_it() -> None:
    inputs = (
        TensorSpec("x", (1, 3, 224, 224), "float32"),
        TensorSpec("rate", (), "int64", constant=16000.0),
        TensorSpec("stored", (), "float32", file="/a/b.npy"),
    )
    fed = NetworkFile("m", Path("m.onnx"), "", inputs).fed
    error = refused("m cannot run", fed, RuntimeError("Invalid shape\nmore"))
    assert str(error) == (
        "m cannot run, fed x=1x3x224x224, rate=16000, stored=scalar (--shape and --input change that): Invalid shape"
    )


def test_a_network_without_a_file_is_fed_nothing() -> None:
    assert str(refused("spin-1ms cannot run", "", RuntimeError("no"))) == "spin-1ms cannot run: no"
