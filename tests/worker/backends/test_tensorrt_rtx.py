"""TensorRT for RTX: on a GPU that does not exist, and the real library, which builds engines without one."""

from __future__ import annotations

import importlib
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from colocate.inference.networks import catalogue
from colocate.worker.backends.tensorrt_rtx import TensorRtRtx
from colocate.worker.backends.trt_library import TrtLibrary
from colocate.worker.errors import WorkerError
from colocate.worker.request import NetworkFile, Request
from tests.inference import own_files
from tests.worker.backends.compiled import expected, in_precision, output
from tests.worker.fake_cuda import Gpu
from tests.worker.fake_tensorrt import installed_in
from tests.worker.fake_tensorrt_parts import Installed

VERSION = "1.7.1.116"


@pytest.fixture
def rtx(monkeypatch: pytest.MonkeyPatch, gpu: Gpu) -> Installed:
    gpu.name, gpu.capability = "RTX 4090", (8, 9)
    return installed_in(monkeypatch, VERSION, gpu, "tensorrt_rtx")


@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_it_runs_each_precision(wanted: Request, rtx: Installed, precision: str, graph: bool) -> None:
    request = in_precision(wanted, precision)._replace(graph=graph)
    runtime = TensorRtRtx(request)
    for _ in range(2):
        output(runtime)[:] = np.nan
        runtime.infer()
        np.testing.assert_allclose(output(runtime), expected(request.loaded), rtol=1e-6)
    assert [step.name for step in runtime.profile(2)][:1] == ["map"] or precision == "fp16"
    facts = runtime.facts()
    assert (facts["runtime"], facts["strongly_typed"]) == (f"tensorrt_rtx {VERSION}", True)
    assert json.loads(json.dumps(facts)) == facts
    assert rtx.builds == 1


def test_no_window_holds_a_compilation_and_the_next_worker_none_at_all(
    wanted: Request, rtx: Installed, engines: Path
) -> None:
    runtime = TensorRtRtx(wanted)
    assert rtx.compilations == 2
    runtime.infer()
    runtime.profile(2)
    assert rtx.compilations == 2
    assert sorted(path.suffix for path in engines.iterdir()) == [".engine", ".kernels"]
    for _ in range(2):
        TensorRtRtx(wanted._replace(graph=True)).infer()
    assert (rtx.builds, rtx.compilations) == (1, 2)


def test_kernels_of_another_driver_or_damaged_ones_are_compiled_once_more(
    wanted: Request, rtx: Installed, engines: Path
) -> None:
    TensorRtRtx(wanted)
    rtx.driver = "590"
    for _ in range(2):
        TensorRtRtx(wanted)
    assert rtx.compilations == 4
    (kept,) = engines.glob("*.kernels")
    kept.write_bytes(b"[]")
    TensorRtRtx(wanted)
    assert rtx.compilations == 6


def test_kernels_that_others_could_have_written_are_not_loaded(
    wanted: Request, rtx: Installed, engines: Path
) -> None:
    TensorRtRtx(wanted)
    (kept,) = engines.glob("*.kernels")
    kept.chmod(0o666)
    TensorRtRtx(wanted)
    assert rtx.compilations == 4


@pytest.mark.parametrize("capability", [(9, 0), (8, 7), (11, 0), (5, 3)])
def test_a_gpu_that_it_does_not_serve_is_named_before_anything_is_built(
    wanted: Request, rtx: Installed, capability: tuple[int, int]
) -> None:
    rtx.gpu.name, rtx.gpu.capability = "Acme", capability
    number = "{}[.]{}".format(*capability)
    said = rf"does not serve the Acme \(compute capability {number}\), only 7.5, 8.0, 8.6, 8.9, 12.0, 12.1; use"
    with pytest.raises(WorkerError, match=said):
        TensorRtRtx(wanted)
    assert rtx.builds == 0


@pytest.mark.usefixtures("rtx")
def test_it_has_no_dla(wanted: Request) -> None:
    with pytest.raises(WorkerError, match="it runs on a GPU, not on dla:0"):
        TensorRtRtx(wanted._replace(device="dla:0"))


# --- the real library


@pytest.fixture(scope="module")
def library() -> TrtLibrary:
    if importlib.util.find_spec("tensorrt_rtx") is None:
        pytest.skip("tensorrt-rtx is not installed: pip install '.[rtx]'")
    return TrtLibrary(importlib.import_module("tensorrt_rtx"))


def built(library: TrtLibrary, file: NetworkFile, precision: str = "fp32") -> bytes:
    request = Request("", file.name, precision, file=file)
    return library.built(request, 0, capability="SM89")


@pytest.mark.parametrize(
    ("name", "precision"), [*((name, "fp32") for name in catalogue.builtin_names()), ("squeezenet1_1", "fp16")]
)
def test_the_real_library_builds_every_built_in_network(library: TrtLibrary, name: str, precision: str) -> None:
    file = catalogue.resolve(name, 1, precision).file
    # Weights are most of either.
    assert len(built(library, file, precision)) > 0.8 * file.path.stat().st_size


def attention(path: Path) -> Path:
    """A head over 16 tokens of 32 features."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["q"]),
        helper.make_node("Transpose", ["q"], ["k"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["q", "k"], ["s"]),
        helper.make_node("Softmax", ["s"], ["p"], axis=-1),
        helper.make_node("MatMul", ["p", "q"], ["y"]),
    ]
    return own_files.written(path, nodes, [own_files.value("x", ["batch", 16, 32])], {"w": own_files.random(32, 32)})


FILES: dict[str, Callable[[Path], Path]] = {
    "open images": lambda path: own_files.convolution(path, ["batch", 3, "height", "width"]),
    "indices": lambda path: own_files.embedding(path, ["ids", "types"], [100, 2]),
    "recurrent": own_files.lstm,
    "a past": own_files.with_past,
    "attention": attention,
}


@pytest.mark.parametrize("name", FILES)
def test_the_real_library_builds_files_of_users(library: TrtLibrary, tmp_path: Path, name: str) -> None:
    path = FILES[name](tmp_path / "own.onnx")
    assert built(library, catalogue.resolve(str(path), 1).file)


def test_the_real_library_says_why_it_refuses(library: TrtLibrary, tmp_path: Path) -> None:
    path = tmp_path / "torn.onnx"
    path.write_bytes(b"no file of ONNX")
    with pytest.raises(WorkerError, match=r"^TensorRT cannot run .*torn\.onnx: ") as caught:
        built(library, NetworkFile("torn", path, "", ()))
    assert "\n" not in str(caught.value)
