"""What is refused before an engine is built; what is built is seen in test_tensorrt.py."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto

from colocate.worker.backends.tensorrt import TensorRT
from colocate.worker.errors import WorkerError
from colocate.worker.request import Request
from tests.worker.backends.compiled import one_node
from tests.worker.fake_cuda import Gpu
from tests.worker.fake_tensorrt import installed_in


def test_an_old_tensorrt_is_refused(wanted: Request, monkeypatch: pytest.MonkeyPatch, gpu: Gpu) -> None:
    installed_in(monkeypatch, "7.1.3", gpu)
    with pytest.raises(WorkerError, match=r"7\.1\.3 is too old: 8\.0 is the first"):
        TensorRT(wanted)


@pytest.mark.parametrize(
    ("version", "opset", "said"),
    [
        ("8.2.1", 17, r", which is of opset 17 \(TensorRT 8\.2\.1 knows 13: export it with that\): "),
        ("8.2.1", 13, r"Erf\.onnx: "),
        ("8.5.2", 18, r", which is of opset 18 \(TensorRT 8\.5\.2 knows 17: export it with that\): "),
        ("11.4.0.106", 21, r"Erf\.onnx: "),
    ],
)
def test_an_opset_that_its_parser_was_not_made_for_is_named(
    tmp_path: Path, wanted: Request, monkeypatch: pytest.MonkeyPatch, gpu: Gpu, version: str, opset: int, said: str
) -> None:
    installed_in(monkeypatch, version, gpu)
    file = one_node(tmp_path, "Erf", TensorProto.FLOAT, [2, 4])
    model = onnx.load(file.path)
    model.opset_import[0].version = opset
    onnx.save(model, file.path)
    with pytest.raises(WorkerError, match=f"{said}No importer registered for op: Erf"):
        TensorRT(wanted._replace(file=file))
