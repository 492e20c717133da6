"""Networks for TensorRT, and what should come out of them."""

from __future__ import annotations

import hashlib
import importlib
from pathlib import Path
from typing import Any

from onnx import TensorProto, helper

from colocate.worker.backends.tensorrt import TensorRT
from colocate.worker.backends.trt_library import TrtLibrary
from colocate.worker.inputs import input_arrays
from colocate.worker.request import NetworkFile, Request, TensorSpec
from tests.small import small_network
from tests.worker.fake_tensorrt_engine import session
from tests.worker.fake_tensorrt_parts import Installed


def one_node(folder: Path, kind: str, dtype: int, shape: list[Any], gives: int | None = None) -> NetworkFile:
    """A network of one node from x, of this shape and type, to y."""
    x = helper.make_tensor_value_info("x", dtype, [2, 4])
    y = helper.make_tensor_value_info("y", gives or dtype, shape)
    model = helper.make_model(
        helper.make_graph([helper.make_node(kind, ["x"] * (2 if kind == "Add" else 1), ["y"])], "one", [x], [y]),
        opset_imports=[helper.make_opsetid("", 13)],
        ir_version=8,
    )
    path = folder / f"{kind}.onnx"
    path.write_bytes(model.SerializeToString())
    name = "int64" if dtype == TensorProto.INT64 else "float32"
    return NetworkFile(kind, path, "1" * 64, (TensorSpec("x", (2, 4), name),))


def in_precision(request: Request, precision: str) -> Request:
    return request._replace(precision=precision, file=small_network(request.loaded.path.parent, precision).file)


def output(runtime: TensorRT) -> Any:
    (host,) = runtime.outputs.values()
    return host.ravel()


def expected(file: NetworkFile) -> Any:
    return session(file.path.read_bytes()).run(None, input_arrays(file))[0].ravel()


def written(installed: Installed, request: Request, path: Path) -> Request:
    """What asks for the engine of this network, built elsewhere and written to `path`."""
    plan = TrtLibrary(importlib.import_module(installed.package)).built(request, 1 << 20)
    path.write_bytes(plan)
    path.chmod(0o644)
    file = NetworkFile(path.stem, path, hashlib.sha256(plan).hexdigest(), (), engine=True)
    return request._replace(file=file, precision="")
