from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from colocate.errors import HostError
from colocate.inference.networks.network import Network, TensorSpec
from colocate.model.request import Inference
from colocate.worker.backend import Backend
from colocate.worker.backends import tensorrt
from colocate.worker.backends.tensorrt import TensorRT
from colocate.worker.inputs import input_array
from tests.inference.fake_cuda import Gpu, plugged_in
from tests.inference.fake_tensorrt import Installed, installed_in
from tests.inference.small import small_network

VERSIONS = ("8.6.2", "10.3.0", "11.4.0.106")
INFERENCE = Inference("small", "tensorrt", batch=2)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Gpu:
    return plugged_in(monkeypatch, Gpu())


@pytest.fixture(params=VERSIONS)
def installed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, gpu: Gpu) -> Installed:
    return installed_in(monkeypatch, request.param, gpu)


@pytest.fixture
def newest(monkeypatch: pytest.MonkeyPatch, gpu: Gpu) -> Installed:
    return installed_in(monkeypatch, VERSIONS[-1], gpu)


@pytest.fixture
def engines(kept: Path) -> Path:
    return kept.with_name("engines")


def one_node(folder: Path, kind: str, dtype: int, shape: list[Any], gives: int | None = None) -> Network:
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
    return Network(kind, path, "1" * 64, (TensorSpec("x", (2, 4), name),), 0, None)


def output(runtime: TensorRT) -> Any:
    ((host, _),) = runtime._outputs
    return host


def expected(network: Network) -> Any:
    session = ort.InferenceSession(str(network.path), providers=["CPUExecutionProvider"])
    return session.run(None, {network.inputs[0].name: input_array(network)})[0].ravel()


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_each_version_runs_each_precision(tmp_path: Path, installed: Installed, precision: str, graph: bool) -> None:
    network = small_network(tmp_path, precision)
    runtime = TensorRT(dataclasses.replace(INFERENCE, precision=precision, graph=graph), network)
    for _ in range(2):
        output(runtime)[:] = np.nan
        runtime.infer()
        np.testing.assert_allclose(output(runtime), expected(network), rtol=1e-6)
    assert installed.gpu.launches == (2 if graph else 0)
    (config,) = installed.configs
    wanted = {"FP16"} if precision == "fp16" and installed.major == 8 else set()
    assert {flag.name for flag in config.flags} == wanted


@pytest.mark.usefixtures("kept")
def test_a_profile_tells_each_layer_once_and_leaves_the_runtime_as_it_was(
    tmp_path: Path, installed: Installed
) -> None:
    network = small_network(tmp_path)
    runtime = TensorRT(INFERENCE, network)
    steps = runtime.profile(3)
    assert [step.name for step in steps] == ["map", "positive", "flat", "scores"]
    assert [step.time_s for step in steps] == pytest.approx([0.001, 0.002, 0.003, 0.004])
    runtime.infer()
    np.testing.assert_allclose(output(runtime), expected(network), rtol=1e-6)
    assert installed.builds == 1


@pytest.mark.usefixtures("kept", "newest")
@pytest.mark.parametrize(("graph", "device_s"), [(False, 2.5e-3), (True, 1.25e-3)])
def test_the_device_time_covers_copies_and_network(tmp_path: Path, graph: bool, device_s: float) -> None:
    runtime: Backend = TensorRT(dataclasses.replace(INFERENCE, graph=graph), small_network(tmp_path))
    for _ in range(2):
        runtime.infer()
        assert runtime.device_s() == pytest.approx(device_s)


@pytest.mark.usefixtures("kept", "newest")
@pytest.mark.parametrize(("wait", "flags"), [("spin", 1), ("block", 4)])
def test_the_thread_waits_as_it_is_told_and_leaves_no_context(
    tmp_path: Path, gpu: Gpu, wait: str, flags: int
) -> None:
    runtime = TensorRT(dataclasses.replace(INFERENCE, wait=wait), small_network(tmp_path))
    assert (gpu.flags, runtime.facts()["wait"]) == (flags, wait)
    for call in gpu.at_exit:
        call()
    assert gpu.contexts == []


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    ("capability", "precision", "tf32"), [((8, 7), "fp32", True), ((8, 7), "fp16", False), ((7, 2), "fp32", False)]
)
def test_facts_tell_what_ran(
    tmp_path: Path, installed: Installed, capability: tuple[int, int], precision: str, tf32: bool
) -> None:
    installed.gpu.capability = capability
    facts = TensorRT(dataclasses.replace(INFERENCE, precision=precision), small_network(tmp_path, precision)).facts()
    assert json.loads(json.dumps(facts)) == facts
    assert (facts["runtime"], facts["gpu"], facts["tf32"]) == (f"tensorrt {installed.version}", "Orin", tf32)
    assert facts["strongly_typed"] is (installed.major >= 10)


def test_nothing_is_printed(
    tmp_path: Path, kept: Path, installed: Installed, capfd: pytest.CaptureFixture[str]
) -> None:
    TensorRT(INFERENCE, small_network(tmp_path)).infer()
    assert capfd.readouterr().out == ""


@pytest.mark.usefixtures("kept")
def test_the_probe_runs_the_smallest_network(installed: Installed) -> None:
    assert tensorrt.probe()["runtime"] == f"tensorrt {installed.version}"
    tensorrt.probe()
    assert installed.builds == 1


@pytest.mark.usefixtures("kept")
def test_integers_that_a_version_lacks_are_narrowed(tmp_path: Path, installed: Installed) -> None:
    network = one_node(tmp_path, "Add", TensorProto.INT64, [2, 4])
    runtime = TensorRT(INFERENCE, network)
    runtime.infer()
    np.testing.assert_array_equal(output(runtime), expected(network))


# --- the engines that are kept


@pytest.mark.usefixtures("kept")
def test_a_second_load_builds_nothing(tmp_path: Path, installed: Installed, engines: Path) -> None:
    first, second = (TensorRT(INFERENCE, small_network(tmp_path)).facts() for _ in range(2))
    assert (installed.builds, first["engine"]) == (1, second["engine"])
    assert [path.suffix for path in engines.iterdir()] == [".engine"]


@pytest.mark.usefixtures("kept")
def test_whatever_makes_another_engine_makes_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, newest: Installed, engines: Path
) -> None:
    network = small_network(tmp_path)

    def load(inference: Inference = INFERENCE, of: Network = network) -> None:
        TensorRT(inference, of)

    load()
    load(dataclasses.replace(INFERENCE, batch=1))
    load(of=dataclasses.replace(network, sha256="2" * 64))
    load(dataclasses.replace(INFERENCE, precision="fp16"), small_network(tmp_path, "fp16"))
    newest.gpu.name = "Thor"
    load()
    newest.gpu.capability = (11, 0)
    load()
    other = installed_in(monkeypatch, "11.4.1", newest.gpu)
    load()
    assert (newest.builds, other.builds) == (6, 1)
    assert len(list(engines.iterdir())) == 7
    # How it is launched and waited for is no part of the engine.
    load(dataclasses.replace(INFERENCE, graph=True, wait="block"))
    assert other.builds == 1


@pytest.mark.usefixtures("kept")
def test_a_damaged_engine_is_built_once_more(tmp_path: Path, installed: Installed, engines: Path) -> None:
    TensorRT(INFERENCE, small_network(tmp_path))
    (path,) = engines.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    TensorRT(INFERENCE, small_network(tmp_path)).infer()
    assert (installed.builds, path.read_bytes()) == (2, whole)


@pytest.mark.usefixtures("kept")
def test_an_engine_that_never_loads_is_an_error(tmp_path: Path, installed: Installed, engines: Path) -> None:
    installed.broken_engines = True
    with pytest.raises(HostError, match="Magic tag"):
        TensorRT(INFERENCE, small_network(tmp_path))
    assert installed.builds == 2
    assert list(engines.iterdir()) == []


# --- what may fail


def full(installed: Installed) -> None:
    installed.gpu.free_bytes = 1000


def set_failure(text: str) -> Callable[[Installed], None]:
    return lambda installed: setattr(installed, "failure", text)


FAILURES: dict[str, tuple[Callable[[Installed], None], str]] = {
    "no memory to build": (set_failure("Error Code 2: OutOfMemory (Requested size was 8 bytes.)"), "memory is full"),
    "no memory for buffers": (full, "memory is full"),
    "no kernel": (set_failure("Error Code 10: Could not find any implementation for node Conv_0."), "node Conv_0"),
    "driver too old for TensorRT": (lambda i: setattr(i, "too_old_a_driver", True), "driver is older"),
    "driver too old for CUDA": (lambda i: setattr(i.gpu, "refusal", 35), "driver is older"),
    "no GPU": (lambda i: setattr(i.gpu, "refusal", 100), "no NVIDIA GPU"),
    "no permission": (lambda i: setattr(i.gpu, "refusal", 800), "may not use the GPU"),
}


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_is_one_line_that_says_what_to_do(tmp_path: Path, installed: Installed, failure: str) -> None:
    fail, message = FAILURES[failure]
    fail(installed)
    with pytest.raises(HostError, match=message) as caught:
        TensorRT(INFERENCE, small_network(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("kept")
def test_an_operator_that_it_lacks_is_named(tmp_path: Path, installed: Installed) -> None:
    with pytest.raises(HostError, match=r"Erf\.onnx.*No importer registered for op: Erf"):
        TensorRT(INFERENCE, one_node(tmp_path, "Erf", TensorProto.FLOAT, [2, 4]))


@pytest.mark.usefixtures("kept", "newest")
@pytest.mark.parametrize(
    ("kind", "shape"),
    [("NonZero", [2, None]), ("Shape", [2])],
    ids=["its size depends on the data", "it stays on the host"],
)
def test_an_output_without_a_fixed_place_is_refused(tmp_path: Path, kind: str, shape: list[Any]) -> None:
    network = one_node(tmp_path, kind, TensorProto.FLOAT, shape, TensorProto.INT64)
    with pytest.raises(HostError, match=f"y in .*{kind}.onnx is not fixed; try --backend onnxruntime-cuda"):
        TensorRT(INFERENCE, network)


@pytest.mark.usefixtures("kept", "newest")
def test_a_type_that_numpy_lacks_is_refused(tmp_path: Path) -> None:
    network = one_node(tmp_path, "Cast", TensorProto.FLOAT, [2, 4], TensorProto.BFLOAT16)
    model = onnx.load(network.path)
    model.graph.node[0].attribute.append(helper.make_attribute("to", TensorProto.BFLOAT16))
    onnx.save(model, network.path)
    with pytest.raises(HostError, match="equivalent numpy datatype"):
        TensorRT(INFERENCE, network)


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("graph", [False, True])
def test_a_fault_on_the_way_is_a_host_error(tmp_path: Path, installed: Installed, graph: bool) -> None:
    runtime = TensorRT(dataclasses.replace(INFERENCE, graph=graph), small_network(tmp_path))
    installed.gpu.fault = "an illegal memory access was encountered"
    with pytest.raises(HostError, match="illegal memory access"):
        runtime.infer()


@pytest.mark.usefixtures("kept")
def test_a_run_that_tensorrt_refuses_is_a_host_error(tmp_path: Path, installed: Installed) -> None:
    runtime = TensorRT(INFERENCE, small_network(tmp_path))
    runtime._context._addresses.clear()
    # And for the reason of this failure, not of one that the build got over.
    with pytest.raises(HostError, match=r"cannot run the network: .*Address is not set"):
        runtime.infer()


@pytest.mark.usefixtures("kept")
def test_an_old_tensorrt_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gpu: Gpu) -> None:
    installed_in(monkeypatch, "8.5.2", gpu)
    with pytest.raises(HostError, match=r"8\.5\.2 is too old"):
        TensorRT(INFERENCE, small_network(tmp_path))
