from __future__ import annotations

import errno
import json
import math
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from colocate.errors import HostError, SpecError
from colocate.inference.networks import cache, catalogue
from colocate.inference.networks.catalogue import builtin_names, resolve, skeleton
from colocate.inference.networks.network import Network, TensorSpec
from colocate.inference.networks.topologies.sketch import Sketch
from colocate.worker.inputs import input_array

FP16_MAX = 65504


def session(model: str | bytes) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def activations(network: Network, kinds: set[str]) -> dict[str, npt.NDArray[np.float32]]:
    """What the layers of the given kinds put out, and the network's own output."""
    model = onnx.load(network.path)
    names = [n.output[0] for n in model.graph.node if n.op_type in kinds and n.output[0] != "prob"]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    outputs = session(model.SerializeToString()).run(["prob", *names], {"data": input_array(network)})
    return dict(zip(["prob", *names], outputs, strict=True))


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize(
    ("name", "size", "kinds"),
    # VGG-16 has alexnet's layers and a file of half a gigabyte: its skeleton must do.
    [
        ("alexnet", 227, {"Conv", "Gemm"}),
        ("googlenet", 224, {"Conv", "Gemm"}),
        ("resnet152", 224, {"Add", "Gemm"}),
        ("resnet50", 224, {"Add", "Gemm"}),
        ("squeezenet1_0", 227, {"Conv"}),
        ("squeezenet1_1", 227, {"Conv"}),
    ],
)
def test_every_activation_fits_fp16_and_says_something(name: str, size: int, kinds: set[str]) -> None:
    network = resolve(name, 1)
    assert network.name == name
    assert network.inputs == (TensorSpec("data", (1, 3, size, size), "float32"),)
    seen = activations(network, kinds)
    assert seen["prob"].shape == (1, 1000)
    assert seen["prob"].sum() == pytest.approx(1, abs=1e-4)
    assert seen.pop("prob").std() > 1e-3
    for layer, activation in seen.items():
        # A tenth of the range is left to sums and to other inputs.
        assert np.abs(activation).max() < FP16_MAX / 10, layer
        # Far above the smallest normal fp16, 6e-5.
        assert activation.std() > 0.1, layer


@pytest.mark.usefixtures("shared")
def test_a_batch_changes_shapes_and_no_weight() -> None:
    one, three = resolve("googlenet", 1), resolve("googlenet", 3)
    assert one.macs is not None and three.macs == 3 * one.macs
    assert (three.parameters, three.inputs[0].shape) == (one.parameters, (3, 3, 224, 224))
    assert one.sha256 != three.sha256
    weights = [{w.name: w.raw_data for w in onnx.load(n.path).graph.initializer} for n in (one, three)]
    assert weights[0] == weights[1]
    images = input_array(three)
    (together,) = session(str(three.path)).run(None, {"data": images})
    assert together.shape == (3, 1000)
    (alone,) = session(str(one.path)).run(None, {"data": images[1:2]})
    np.testing.assert_allclose(together[1:2], alone, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", builtin_names())
@pytest.mark.parametrize("batch", [1, 3])
def test_skeletons_have_fixed_shapes_and_no_data(name: str, batch: int) -> None:
    model = skeleton(name, batch)
    assert not any(tensor.raw_data for tensor in model.graph.initializer)
    output = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph.output[0]
    assert [dim.dim_value for dim in output.type.tensor_type.shape.dim] == [batch, 1000]
    assert {node.op_type for node in model.graph.node} <= {
        "Conv", "Relu", "LRN", "MaxPool", "GlobalAveragePool", "Gemm", "Concat", "Add", "Softmax", "Flatten",
    }  # fmt: skip


def test_a_skeleton_has_the_name_of_a_builtin() -> None:
    with pytest.raises(SpecError, match="googlenet"):
        skeleton("googelnet", 1)


@given(size=st.integers(1, 40), kernel=st.integers(1, 5), data=st.data())
def test_pooled_maps_are_caffes(size: int, kernel: int, data: st.DataObject) -> None:
    stride = data.draw(st.integers(1, kernel), "stride")
    pad = data.draw(st.integers(0, kernel - 1), "pad")
    assume(size + 2 * pad >= kernel)
    pooled = math.ceil((size + 2 * pad - kernel) / stride) + 1
    if pad and (pooled - 1) * stride >= size + pad:
        pooled -= 1

    net = Sketch("net", 1, 1, size)
    output = net.max_pool("pool", net.data, kernel, stride=stride, pad=pad)
    assert output.size == pooled
    model = net.finished(output).model
    onnx.checker.check_model(model, full_check=True)
    x = np.random.default_rng(size).standard_normal((1, 1, size, size), dtype=np.float32)
    (y,) = session(model.SerializeToString()).run(None, {"data": x})
    starts = [i * stride - pad for i in range(pooled)]
    windows = [slice(max(start, 0), start + kernel) for start in starts]
    expected = [[x[0, 0, rows, columns].max() for columns in windows] for rows in windows]
    np.testing.assert_array_equal(y[0, 0], np.array(expected))


# --- the cache


def test_a_second_resolve_builds_nothing(kept: Path) -> None:
    first = resolve("googlenet", 1)
    before = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in kept.iterdir()}
    assert resolve("googlenet", 1) == first
    assert before == {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in kept.iterdir()}
    assert sorted(path.suffix for path in before) == [".json", ".onnx"]


@pytest.mark.usefixtures("shared")
def test_a_warm_cache_needs_no_onnx() -> None:
    resolve("googlenet", 1)
    program = (
        "import sys; from colocate.inference.networks.catalogue import resolve; resolve('googlenet', 1);"
        "sys.exit('onnx' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_an_edit_of_the_recipe_makes_another_file(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = resolve("googlenet", 1)
    monkeypatch.setattr(catalogue, "SEED", 1)
    second = resolve("googlenet", 1)
    assert first.path != second.path
    assert first.sha256 != second.sha256


def test_processes_that_build_together_agree(kept: Path) -> None:
    program = (
        "import json; from colocate.inference.networks.catalogue import resolve;"
        "print(json.dumps(resolve('googlenet', 2).to_json()))"
    )
    both = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) for _ in range(2)]
    answers = [json.loads(process.communicate()[0]) for process in both]
    assert answers[0] == answers[1]
    assert Network.from_json(answers[0]) == resolve("googlenet", 2)
    assert sorted(path.suffix for path in kept.iterdir()) == [".json", ".onnx"]


def test_one_of_many_builders_builds(kept: Path) -> None:
    def build() -> bytes:
        built.append(1)
        # Long enough for the others to come to the lock.
        time.sleep(0.1)
        return b"whole"

    built: list[int] = []
    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(lambda _: cache.obtain("a", build), range(4)))
    assert paths == {kept / "a"}
    assert ((kept / "a").read_bytes(), len(built)) == (b"whole", 1)


@pytest.mark.parametrize(
    ("failure", "seen"), [(OSError(errno.ENOSPC, "No space left on device"), HostError), (KeyboardInterrupt(), None)]
)
def test_a_failure_in_the_middle_of_writing_leaves_no_file(
    kept: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException, seen: type[BaseException] | None
) -> None:
    def fail(descriptor: int) -> None:
        assert list(kept.iterdir()), "the failure comes while the file is there in part"
        raise failure

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(seen or type(failure)):
        resolve("googlenet", 1)
    assert list(kept.iterdir()) == []


def test_what_a_killed_builder_left_is_cleared(kept: Path) -> None:
    kept.mkdir(parents=True)
    (kept / "b.onnx.partial").write_bytes(b"half")
    cache.obtain("a", lambda: b"whole")
    assert [path.name for path in kept.iterdir()] == ["a"]


def test_a_cache_that_cannot_be_written_is_a_host_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(HostError, match=r"file/colocate/catalogue.*XDG_CACHE_HOME"):
        resolve("googlenet", 1)


@pytest.mark.parametrize("unset", ["", "relative/path"])
def test_the_cache_is_in_the_home_folder_otherwise(unset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", unset)
    monkeypatch.setenv("HOME", "/home/someone")
    assert cache.folder() == Path("/home/someone/.cache/colocate/catalogue")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [("alexnt", "did you mean 'alexnet'"), ("ResNet152", "did you mean 'resnet152'"), ("zzz", "alexnet, googlenet")],
)
def test_an_unknown_name_gets_the_nearest(wrong: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        resolve(wrong, 1)
    with pytest.raises(SpecError, match=message):
        catalogue.check(wrong)


def test_a_batch_below_one_is_refused() -> None:
    with pytest.raises(SpecError, match="batch of 0"):
        resolve("alexnet", 0)


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8", "int8", "int64"])
def test_the_input_is_of_its_type_and_not_zero(dtype: str) -> None:
    network = Network("n", Path("n.onnx"), "", (TensorSpec("x", (2, 3, 8, 8), dtype),), 0, 0)
    x = input_array(network, seed=7)
    assert (x.dtype.name, x.shape) == (dtype, (2, 3, 8, 8))
    assert np.count_nonzero(x) > 0.99 * x.size
    assert x.std() > 0
    np.testing.assert_array_equal(x, input_array(network, seed=7))
    assert (x != input_array(network, seed=8)).any()
