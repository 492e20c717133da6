"""The smallest network, which a runtime must run to show that it works."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from onnx import TensorProto, helper

from colocate.worker.request import NetworkFile, TensorSpec


@contextlib.contextmanager
def smallest_network() -> Iterator[NetworkFile]:
    """Provide a file with a ReLU of eight float32 numbers, and delete it at the end."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 8]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "probe", [x], [y])
    content = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "probe.onnx")
        path.write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        yield NetworkFile("probe", path, sha256, (TensorSpec("x", (1, 8), "float32"),))
