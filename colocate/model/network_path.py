"""What the path of a network in a file says of it: its suffix, in letters of either case."""

from __future__ import annotations

# Of TensorRT: a network that is compiled for one GPU and one version.
_ENGINES = (".engine", ".plan")


def is_engine(network: str) -> bool:
    """Whether this network is an engine of the user's own."""
    return _ends(network, *_ENGINES)


def is_file(network: str) -> bool:
    """Whether this network is a file of the user's own, by its path."""
    return _ends(network, ".onnx", *_ENGINES)


def is_ort(network: str) -> bool:
    """Whether this is a file in ONNX Runtime's own format, of which too little can be read."""
    return _ends(network, ".ort")


def is_array(path: str) -> bool:
    """Whether this is the path of an array of numpy, to feed a network."""
    return _ends(path, ".npy")


def _ends(path: str, *suffixes: str) -> bool:
    return path.lower().endswith(suffixes)
