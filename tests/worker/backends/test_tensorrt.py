from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from colocate.inference.onnx.smallest import smallest_network
from colocate.worker.backend import Backend
from colocate.worker.backends.tensorrt import TensorRT
from colocate.worker.errors import WorkerError
from colocate.worker.probe import probe
from colocate.worker.request import Request
from tests.worker import fake_pycuda
from tests.worker.backends.compiled import expected, in_precision, one_node, output
from tests.worker.fake_cuda import Gpu
from tests.worker.fake_tensorrt import installed_in
from tests.worker.fake_tensorrt_parts import Installed


@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_each_version_runs_each_precision(wanted: Request, installed: Installed, precision: str, graph: bool) -> None:
    request = in_precision(wanted, precision)._replace(graph=graph)
    runtime = TensorRT(request)
    for _ in range(2):
        output(runtime)[:] = np.nan
        runtime.infer()
        np.testing.assert_allclose(output(runtime), expected(request.loaded), rtol=1e-6)
    assert installed.gpu.launches == (2 if graph else 0)
    (config,) = installed.configs
    assert config._flags == ({"FP16"} if precision == "fp16" and installed.release < (9, 0) else set())
    assert bool(config.max_workspace_size if installed.release < (8, 4) else 0) == (installed.release < (8, 4))


@pytest.mark.parametrize("graph", [False, True])
def test_each_version_runs_through_pycuda_too(
    wanted: Request, installed: Installed, monkeypatch: pytest.MonkeyPatch, graph: bool
) -> None:
    fake_pycuda.installed_in(monkeypatch, installed.gpu)
    runtime = TensorRT(wanted._replace(graph=graph))
    for _ in range(2):
        output(runtime)[:] = np.nan
        runtime.infer()
        np.testing.assert_allclose(output(runtime), expected(wanted.loaded), rtol=1e-6)
    assert runtime.facts()["gpu_calls"] == "pycuda 2026.1"
    assert installed.gpu.launches == (2 if graph else 0)


def test_a_profile_has_each_layer_once_and_leaves_the_runtime_as_it_was(
    wanted: Request, installed: Installed
) -> None:
    runtime = TensorRT(wanted)
    steps = runtime.profile(3)
    assert [step.name for step in steps] == ["map", "positive", "flat", "scores"]
    assert [step.time_s for step in steps] == pytest.approx([0.001, 0.002, 0.003, 0.004])
    runtime.infer()
    np.testing.assert_allclose(output(runtime), expected(wanted.loaded), rtol=1e-6)
    assert installed.builds == 1


@pytest.mark.usefixtures("newest")
@pytest.mark.parametrize(("graph", "device_s"), [(False, 2.5e-3), (True, 1.25e-3)])
def test_the_device_time_covers_copies_and_network(wanted: Request, graph: bool, device_s: float) -> None:
    runtime: Backend = TensorRT(wanted._replace(graph=graph))
    for _ in range(2):
        runtime.infer()
        assert runtime.device_s() == pytest.approx(device_s)


@pytest.mark.usefixtures("newest")
@pytest.mark.parametrize(("wait", "flags"), [("spin", 1), ("block", 4)])
def test_the_thread_waits_as_asked(wanted: Request, gpu: Gpu, wait: str, flags: int) -> None:
    runtime = TensorRT(wanted._replace(wait=wait))
    assert (gpu.flags, runtime.facts()["wait"]) == (flags, wait)


@pytest.mark.parametrize(
    ("capability", "precision", "tf32"), [((8, 7), "fp32", True), ((8, 7), "fp16", False), ((7, 2), "fp32", False)]
)
def test_facts_say_what_ran(
    wanted: Request, installed: Installed, capability: tuple[int, int], precision: str, tf32: bool
) -> None:
    installed.gpu.capability = capability
    facts = TensorRT(in_precision(wanted, precision)).facts()
    assert json.loads(json.dumps(facts)) == facts
    assert (facts["runtime"], facts["gpu"], facts["tf32"]) == (f"tensorrt {installed.version}", "Orin", tf32)
    assert facts["strongly_typed"] is (installed.release >= (10, 0))


@pytest.mark.usefixtures("installed")
def test_nothing_is_printed(wanted: Request, capfd: pytest.CaptureFixture[str]) -> None:
    TensorRT(wanted).infer()
    assert capfd.readouterr().out == ""


def test_the_probe_runs_the_smallest_network(wanted: Request, installed: Installed) -> None:
    for _ in range(2):
        with smallest_network() as file:
            found = probe(wanted._replace(network="probe", batch=1, file=file))
        assert isinstance(found, dict) and found["runtime"] == f"tensorrt {installed.version}"
    assert installed.builds == 1


@pytest.mark.usefixtures("installed")
def test_integers_that_a_version_lacks_are_narrowed(tmp_path: Path, wanted: Request) -> None:
    file = one_node(tmp_path, "Add", TensorProto.INT64, [2, 4])
    runtime = TensorRT(wanted._replace(file=file))
    runtime.infer()
    np.testing.assert_array_equal(output(runtime), expected(file))


# --- the engines that are kept


def test_a_second_load_builds_nothing(wanted: Request, installed: Installed, engines: Path) -> None:
    first, second = (TensorRT(wanted).facts() for _ in range(2))
    assert (installed.builds, first["engine"]) == (1, second["engine"])
    assert [path.suffix for path in engines.iterdir()] == [".engine"]


def test_whatever_makes_another_engine_makes_another_file(
    wanted: Request, monkeypatch: pytest.MonkeyPatch, newest: Installed, engines: Path
) -> None:
    TensorRT(wanted)
    TensorRT(wanted._replace(batch=1))
    TensorRT(wanted._replace(file=wanted.loaded._replace(sha256="2" * 64)))
    TensorRT(in_precision(wanted, "fp16"))
    newest.gpu.name = "Thor"
    TensorRT(wanted)
    newest.gpu.capability = (11, 0)
    TensorRT(wanted)
    other = installed_in(monkeypatch, "10.16.1.11", newest.gpu)
    TensorRT(wanted)
    assert (newest.builds, other.builds) == (6, 1)
    assert len(list(engines.iterdir())) == 7
    # How it is launched and waited for is no part of the engine.
    TensorRT(wanted._replace(graph=True, wait="block"))
    assert other.builds == 1


def test_a_damaged_engine_is_built_once_more(wanted: Request, installed: Installed, engines: Path) -> None:
    TensorRT(wanted)
    (path,) = engines.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    TensorRT(wanted).infer()
    assert (installed.builds, path.read_bytes()) == (2, whole)


def test_an_engine_that_never_loads_is_an_error(wanted: Request, installed: Installed, engines: Path) -> None:
    installed.broken_engines = True
    with pytest.raises(WorkerError, match="Magic tag"):
        TensorRT(wanted)
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


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_is_one_line_that_says_what_to_do(wanted: Request, installed: Installed, failure: str) -> None:
    fail, message = FAILURES[failure]
    fail(installed)
    with pytest.raises(WorkerError, match=message) as caught:
        TensorRT(wanted)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("installed")
def test_an_operator_that_it_lacks_is_named(tmp_path: Path, wanted: Request) -> None:
    with pytest.raises(WorkerError, match=r"Erf\.onnx.*No importer registered for op: Erf"):
        TensorRT(wanted._replace(file=one_node(tmp_path, "Erf", TensorProto.FLOAT, [2, 4])))


@pytest.mark.usefixtures("newest")
@pytest.mark.parametrize(
    ("kind", "shape"),
    [("NonZero", [2, None]), ("Shape", [2])],
    ids=["its size depends on the data", "it stays on the host"],
)
def test_an_output_without_a_fixed_place_is_refused(
    tmp_path: Path, wanted: Request, kind: str, shape: list[Any]
) -> None:
    file = one_node(tmp_path, kind, TensorProto.FLOAT, shape, TensorProto.INT64)
    with pytest.raises(WorkerError, match=f"y in .*{kind}.onnx is not fixed; try --backend onnxruntime-cuda"):
        TensorRT(wanted._replace(file=file))


@pytest.mark.usefixtures("newest")
def test_a_type_that_numpy_lacks_is_refused(tmp_path: Path, wanted: Request) -> None:
    file = one_node(tmp_path, "Cast", TensorProto.FLOAT, [2, 4], TensorProto.BFLOAT16)
    model = onnx.load(file.path)
    model.graph.node[0].attribute.append(helper.make_attribute("to", TensorProto.BFLOAT16))
    onnx.save(model, file.path)
    with pytest.raises(WorkerError, match=r"y in .*Cast\.onnx is of BF16, which numpy does not have; give"):
        TensorRT(wanted._replace(file=file))


@pytest.mark.parametrize("graph", [False, True])
def test_a_fault_on_the_way_is_a_worker_error(wanted: Request, installed: Installed, graph: bool) -> None:
    runtime = TensorRT(wanted._replace(graph=graph))
    installed.gpu.fault = 700
    with pytest.raises(WorkerError, match="illegal memory access"):
        runtime.infer()


@pytest.mark.usefixtures("newest")
def test_a_run_that_tensorrt_refuses_is_a_worker_error(wanted: Request) -> None:
    runtime = TensorRT(wanted)
    runtime._context._addresses.clear()
    # And for the reason of this failure, not of one that the build got over.
    with pytest.raises(WorkerError, match=r"cannot run the network: .*Address is not set"):
        runtime.infer()
