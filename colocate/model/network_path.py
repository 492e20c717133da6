"""What the suffix of a path says about the file. Upper and lower case are the same."""

from __future__ import annotations

# TensorRT engines: networks that are compiled for one GPU and one version.
_ENGINES = (".engine", ".plan")


def is_engine(network: str) -> bool:
    """Whether `network` is the path of a TensorRT engine."""
    return _ends(network, *_ENGINES)


def is_file(network: str) -> bool:
    """Whether `network` is the path of an .onnx file or of a TensorRT engine."""
    return _ends(network, ".onnx", *_ENGINES)


def is_ort(network: str) -> bool:
    """Whether `network` is a file in ONNX Runtime's own format, whose shapes and layers colocate cannot read."""
    return _ends(network, ".ort")


def is_array(path: str) -> bool:
    """Whether `path` is a numpy array (.npy) to feed to a network."""
    return _ends(path, ".npy")


def _ends(path: str, *suffixes: str) -> bool:
    return path.lower().endswith(suffixes)
