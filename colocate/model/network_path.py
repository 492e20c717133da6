"""What the path of a network in a file says of it."""

from __future__ import annotations

# Of TensorRT: a network that is compiled for one GPU and one version.
_ENGINES = (".engine", ".plan")


def is_engine(network: str) -> bool:
    """Whether this network is an engine of the user's own."""
    return network.endswith(_ENGINES)


def is_file(network: str) -> bool:
    """Whether this network is a file of the user's own, by its path."""
    return network.endswith((".onnx", *_ENGINES))
