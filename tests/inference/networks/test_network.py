from __future__ import annotations

import json
from pathlib import Path

from colocate.inference.networks.network import Network
from colocate.worker.request import NetworkFile, TensorSpec

NETWORK = Network(
    "mine", Path("/somewhere/mine.onnx"), "ab" * 32, (TensorSpec("x", (2, 3, 8, 8), "uint8"),), 108, None
)


def test_it_survives_a_passage_through_json() -> None:
    again = Network.from_json(json.loads(json.dumps(NETWORK.to_json())))
    assert again == NETWORK
    assert isinstance(again.path, Path) and isinstance(again.inputs[0], TensorSpec)


def test_its_description_says_what_the_file_holds_and_not_where_it_lies() -> None:
    assert NETWORK.described() == {
        "name": "mine",
        "sha256": "ab" * 32,
        "inputs": [{"name": "x", "shape": [2, 3, 8, 8], "dtype": "uint8"}],
        "parameters": 108,
        "macs": None,
    }


def test_a_worker_gets_the_file_and_what_to_feed_it() -> None:
    assert NETWORK.file == NetworkFile("mine", NETWORK.path, NETWORK.sha256, NETWORK.inputs)
