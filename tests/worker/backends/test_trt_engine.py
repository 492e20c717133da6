"""An engine of the user's own, in every version: what it is fed, and what is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from colocate.worker.backends.tensorrt import TensorRT
from colocate.worker.backends.tensorrt_rtx import TensorRtRtx
from colocate.worker.errors import WorkerError
from colocate.worker.request import Request, TensorSpec
from tests.worker.backends.compiled import expected, one_node, output, written
from tests.worker.fake_cuda import Gpu
from tests.worker.fake_tensorrt import installed_in
from tests.worker.fake_tensorrt_parts import Installed


@pytest.fixture
def own(tmp_path: Path, wanted: Request, installed: Installed) -> Request:
    return written(installed, wanted, tmp_path / "my.engine")


@pytest.mark.parametrize("graph", [False, True])
def test_it_runs_as_it_is(own: Request, wanted: Request, installed: Installed, engines: Path, graph: bool) -> None:
    runtime = TensorRT(own._replace(graph=graph))
    for _ in range(2):
        output(runtime)[:] = np.nan
        runtime.infer()
        # Fed as the file that it was built from, whose inputs are the same floats.
        np.testing.assert_allclose(output(runtime), expected(wanted.loaded), rtol=1e-6)
    assert installed.builds == 1 and not engines.exists(), "nothing is built for it, and nothing kept"
    facts = runtime.facts()
    assert facts["engine"] == own.loaded.sha256[:12]
    assert facts["tensors"] == "data 2x3x8x8 float32, scores 2x5 float32"
    assert "tf32" not in facts and "strongly_typed" not in facts
    assert [step.name for step in runtime.profile(1)] == ["map", "positive", "flat", "scores"]


def test_rtx_runs_its_own_and_keeps_the_kernels(
    tmp_path: Path, wanted: Request, monkeypatch: pytest.MonkeyPatch, gpu: Gpu, engines: Path
) -> None:
    gpu.name, gpu.capability = "RTX 4090", (8, 9)
    rtx = installed_in(monkeypatch, "1.7.1.116", gpu, "tensorrt_rtx")
    own = written(rtx, wanted, tmp_path / "my.plan")
    for _ in range(2):
        runtime = TensorRtRtx(own)
        runtime.infer()
        np.testing.assert_allclose(output(runtime), expected(wanted.loaded), rtol=1e-6)
    assert (rtx.builds, rtx.compilations) == (1, 2)
    assert [path.suffix for path in engines.iterdir()] == [".kernels"]


def test_an_array_of_another_shape_is_refused(own: Request) -> None:
    for shape, words in (((), "scalar"), ((384,), "384")):
        other = own.loaded._replace(inputs=(TensorSpec("data", shape, "", file="x.npy"),))
        with pytest.raises(WorkerError, match=rf"^input 'data' is 2x3x8x8 in .*my\.engine, not {words}$"):
            TensorRT(own._replace(file=other))


def test_values_that_the_study_chose_are_fed(own: Request, tmp_path: Path) -> None:
    chosen = own.loaded._replace(inputs=(TensorSpec("data", (), "", constant=0.5),))
    runtime = TensorRT(own._replace(file=chosen))
    runtime.infer()
    np.save(tmp_path / "half.npy", np.full((2, 3, 8, 8), 0.5))
    stored = own.loaded._replace(inputs=(TensorSpec("data", (2, 3, 8, 8), "", file=str(tmp_path / "half.npy")),))
    other = TensorRT(own._replace(file=stored))
    other.infer()
    np.testing.assert_array_equal(output(runtime), output(other))


def test_integers_are_zeros_and_ones(tmp_path: Path, wanted: Request, installed: Installed) -> None:
    request = wanted._replace(file=one_node(tmp_path, "Add", TensorProto.INT64, [2, 4]))
    own = written(installed, request, tmp_path / "own.engine")
    runtime = TensorRT(own)
    runtime.infer()
    assert set(output(runtime).tolist()) <= {0, 2}
    half = TensorSpec("x", (), "", constant=0.5)
    with pytest.raises(WorkerError, match=r"^--input x=0\.5: the input is of int\d\d, which cannot hold that number"):
        TensorRT(own._replace(file=own.loaded._replace(inputs=(half,))))


# --- what is refused


def another_gpu(own: Request, installed: Installed) -> Request:
    installed.gpu.name = "Thor"
    return own


def damaged(own: Request, installed: Installed) -> Request:
    path = own.loaded.path
    path.write_bytes(path.read_bytes()[:-1])
    return own._replace(file=own.loaded._replace(sha256=hashlib.sha256(path.read_bytes()).hexdigest()))


def changed(own: Request, installed: Installed) -> Request:
    own.loaded.path.write_bytes(b"another")
    return own


def writable(own: Request, installed: Installed) -> Request:
    own.loaded.path.chmod(0o664)
    return own


def gone(own: Request, installed: Installed) -> Request:
    own.loaded.path.unlink()
    return own


def another_batch(own: Request, installed: Installed) -> Request:
    return own._replace(batch=1)


def unknown_input(own: Request, installed: Installed) -> Request:
    return own._replace(file=own.loaded._replace(inputs=(TensorSpec("ids", (), "", constant=1.0),)))


REFUSED: dict[str, tuple[Any, str]] = {
    "another GPU": (another_gpu, r"cannot load .*my\.engine on this Thor: .*Version tag does not match"),
    "damaged": (damaged, r"cannot load .*my\.engine on this Orin: .*Magic tag does not match"),
    "changed": (changed, r"my\.engine has changed since this study began"),
    "others may write it": (writable, r"^cannot use .*my\.engine: somebody else could have written it$"),
    "gone": (gone, r"^cannot use .*my\.engine: No such file"),
    "another batch": (another_batch, r"is of batch 2, not 1: add --batch 2 \(data 2x3x8x8 float32\)$"),
    "no such input": (unknown_input, r"my\.engine has no input 'ids'; it has data$"),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_cannot_run_is_one_line(own: Request, installed: Installed, reason: str) -> None:
    spoil, said = REFUSED[reason]
    with pytest.raises(WorkerError, match=said) as caught:
        TensorRT(spoil(own, installed))
    assert "\n" not in str(caught.value)


def test_one_of_another_version_has_tensorrts_reason(
    tmp_path: Path, wanted: Request, monkeypatch: pytest.MonkeyPatch, gpu: Gpu
) -> None:
    own = written(installed_in(monkeypatch, "10.3.0", gpu), wanted, tmp_path / "my.engine")
    installed_in(monkeypatch, "11.4.0.106", gpu)
    with pytest.raises(WorkerError, match=r"^tensorrt 11\.4\.0\.106 cannot load .*: .*Version tag does not match"):
        TensorRT(own)


# --- shapes that are open


@pytest.fixture
def dynamic(tmp_path: Path, wanted: Request, installed: Installed) -> Request:
    """An engine of the small network for batches of 1 to 8, best at 4."""
    model = onnx.load(wanted.loaded.path)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    path = tmp_path / "dynamic.onnx"
    onnx.save(model, path)
    return written(installed, wanted._replace(file=wanted.loaded._replace(path=path)), tmp_path / "open.engine")


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_an_open_batch_is_that_of_the_study(dynamic: Request, wanted: Request, batch: int) -> None:
    runtime = TensorRT(dynamic._replace(batch=batch))
    runtime.infer()
    shape = (batch, 3, 8, 8)
    file = wanted.loaded._replace(path=dynamic.loaded.path.parent / "dynamic.onnx")
    file = file._replace(inputs=(TensorSpec("data", shape, "float32"),))
    np.testing.assert_allclose(output(runtime), expected(file), rtol=1e-6)
    assert runtime.facts()["tensors"] == f"data {batch}x3x8x8 float32, scores {batch}x5 float32"
    assert len(runtime.profile(1)) == 4


def test_another_shape_than_the_usual_is_chosen(tmp_path: Path, wanted: Request, installed: Installed) -> None:
    file = one_node(tmp_path, "Add", TensorProto.FLOAT, ["n", "m"])
    model = onnx.load(file.path)
    for axis, name in enumerate("nm"):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = name
    onnx.save(model, file.path)
    own = written(installed, wanted._replace(file=file), tmp_path / "open.engine")
    assert TensorRT(own).facts()["tensors"] == "x 2x4 float32, y 2x4 float32"
    chosen = own._replace(file=own.loaded._replace(inputs=(TensorSpec("x", (2, 7), ""),)))
    runtime = TensorRT(chosen)
    runtime.infer()
    assert runtime.facts()["tensors"] == "x 2x7 float32, y 2x7 float32" and output(runtime).any()
    for shape, said in (
        ((2, 9), r"may be 1x1 to 8x8 in .*, not 2x9: choose another"),
        ((2,), r"is \?x\? in .*, not 2$"),
    ):
        with pytest.raises(WorkerError, match=said):
            TensorRT(own._replace(file=own.loaded._replace(inputs=(TensorSpec("x", shape, ""),))))


def test_a_fixed_shape_stays(own: Request) -> None:
    chosen = own.loaded._replace(inputs=(TensorSpec("data", (2, 3, 9, 9), ""),))
    with pytest.raises(WorkerError, match=r"^input 'data' is 2x3x8x8 in .*my\.engine, not 2x3x9x9$"):
        TensorRT(own._replace(file=chosen))


def test_an_output_without_a_fixed_place_is_refused(tmp_path: Path, wanted: Request, installed: Installed) -> None:
    file = one_node(tmp_path, "NonZero", TensorProto.FLOAT, [2, None], TensorProto.INT64)
    own = written(installed, wanted._replace(file=file), tmp_path / "own.engine")
    with pytest.raises(WorkerError, match=r"of y in .*own\.engine is not fixed; .*with the \.onnx file that it was"):
        TensorRT(own)
