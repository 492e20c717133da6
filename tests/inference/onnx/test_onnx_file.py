from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from colocate.errors import SpecError
from colocate.inference.networks.catalogue import check, guesses, own_batch, resolve
from colocate.model.request import InputChoice
from colocate.worker.backends.onnxruntime_cpu import OnnxRuntimeCpu
from colocate.worker.inputs import input_arrays
from colocate.worker.request import Request, TensorSpec


def own(
    path: Path,
    shape: tuple[int | str | None, ...] = (1, 3, 8, 8),
    dtype: int = TensorProto.FLOAT,
    names: tuple[str, ...] = ("x",),
    external: bool = False,
) -> Path:
    """Write a file with one convolution of 4 channels, 3 x 3, on the sum of its inputs."""
    weight = np.random.default_rng(0).standard_normal((4, 3, 3, 3), dtype=np.float32)
    nodes = [
        *(helper.make_node("Cast", [name], [f"{name}/float"], to=TensorProto.FLOAT) for name in names),
        helper.make_node("Sum", [f"{name}/float" for name in names], ["sum"]),
        helper.make_node("Conv", ["sum", "w"], ["y"]),
    ]
    inputs = [helper.make_tensor_value_info(name, dtype, shape) for name in names]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, (shape[0], 4, None, None))]
    graph = helper.make_graph(nodes, "own", inputs, outputs, [numpy_helper.from_array(weight, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path, save_as_external_data=external, location="weights.bin", size_threshold=0)
    return path


def test_a_file_with_fixed_sizes_is_used_where_it_lies(tmp_path: Path, kept: Path) -> None:
    path = own(tmp_path / "mine.onnx", (2, 3, 8, 8))
    network = resolve(str(path), 2)
    assert (network.name, network.path) == ("mine", path)
    assert network.inputs == (TensorSpec("x", (2, 3, 8, 8), "float32"),)
    assert (network.parameters, network.macs) == (4 * 3 * 9, 2 * 4 * 36 * 27)
    assert not kept.exists()


@pytest.mark.parametrize("first", ["N", None])
@pytest.mark.parametrize("external", [False, True])
def test_an_open_batch_is_fixed_in_a_copy(tmp_path: Path, kept: Path, first: str | None, external: bool) -> None:
    path = own(tmp_path / "mine.onnx", (first, 3, 8, 8), external=external)
    before = path.read_bytes()
    network = resolve(str(path), 3)
    assert network.path.parent == kept
    assert network.inputs == (TensorSpec("x", (3, 3, 8, 8), "float32"),)
    assert network.macs == 3 * 4 * 36 * 27
    assert path.read_bytes() == before
    loaded = ort.InferenceSession(network.path, providers=["CPUExecutionProvider"])
    (y,) = loaded.run(None, input_arrays(network.file))
    assert y.shape == (3, 4, 6, 6)
    assert resolve(str(path), 3) == network
    assert resolve(str(path), 2).path != network.path


def test_the_digest_covers_external_weights(tmp_path: Path, kept: Path) -> None:
    before = resolve(str(own(tmp_path / "mine.onnx", external=True)), 1).sha256
    (tmp_path / "changed").mkdir()
    path = own(tmp_path / "changed" / "mine.onnx", external=True)
    weights = bytearray((path.parent / "weights.bin").read_bytes())
    weights[0] ^= 1
    (path.parent / "weights.bin").write_bytes(weights)
    assert resolve(str(path), 1).sha256 != before


def test_every_input_is_fed(tmp_path: Path) -> None:
    network = resolve(str(own(tmp_path / "m.onnx", names=("left", "right"))), 1)
    assert [spec.name for spec in network.inputs] == ["left", "right"]
    target = "colocate.worker.backends.onnxruntime_cpu:OnnxRuntimeCpu"
    runtime = OnnxRuntimeCpu(Request(target, "m", file=network.file))
    runtime.infer()


def test_a_missing_or_short_file_of_weights_is_named(tmp_path: Path) -> None:
    path = own(tmp_path / "m.onnx", external=True)
    weights = tmp_path / "weights.bin"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(SpecError, match=r"weights\.bin.* cut short"):
        resolve(str(path), 1)
    weights.unlink()
    with pytest.raises(SpecError, match=r"weights\.bin, which does not exist"):
        resolve(str(path), 1)


def test_a_sparse_constant_is_no_input_though_it_is_listed_as_one(tmp_path: Path, kept: Path) -> None:
    path = own(tmp_path / "m.onnx", ("N", 3, 8, 8))
    model = onnx.load(path)
    values = numpy_helper.from_array(np.ones(2, np.float32), "few")
    indices = numpy_helper.from_array(np.array([0, 5]), "indices")
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [4, 4]))
    model.graph.input.append(helper.make_tensor_value_info("few", TensorProto.FLOAT, [4, 4]))
    onnx.save(model, path)
    assert [spec.name for spec in resolve(str(path), 2).inputs] == ["x"]


def test_a_long_name_is_cut_for_the_copy(tmp_path: Path, kept: Path) -> None:
    name = "\u00fc" * 120
    network = resolve(str(own(tmp_path / f"{name}.onnx", ("N", 3, 8, 8))), 2)
    assert network.name == name
    assert network.path.parent == kept


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"its name is not UTF-8, which runtimes want; rename it"):
        check(str(tmp_path / "m\udcff.onnx"))


def test_a_folder_or_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="there is no file"):
        resolve(str(tmp_path / "absent.onnx"), 1)
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(SpecError, match="cannot read"):
        resolve(str(tmp_path / "folder.onnx"), 1)
    with pytest.raises(SpecError, match=r"cannot read .*: File name too long"):
        resolve("+".join(f"x{number}.onnx" for number in range(300)), 1)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    for name in ("m.onnx", "x.npy"):
        os.mkfifo(tmp_path / name)
    with pytest.raises(SpecError, match=r"m\.onnx is a pipe or a device; write what it gives into a file"):
        resolve(str(tmp_path / "m.onnx"), 1)
    with pytest.raises(SpecError, match=r"x\.npy is a pipe or a device"):
        check(str(own(tmp_path / "own.onnx")), 1, [InputChoice("x", value=str(tmp_path / "x.npy"))])


def test_a_file_is_read_once_while_it_stays_as_it_is(
    tmp_path: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(own(tmp_path / "m.onnx", ("N", 3, 8, 8)))
    # In a file: it is read in children.
    log = tmp_path / "log"
    load = onnx.load

    def counted(path: Path, **how: Any) -> onnx.ModelProto:
        with log.open("a") as read:
            read.write(f"{path}\n")
        return load(path, **how)

    monkeypatch.setattr(onnx, "load", counted)
    for _ in range(2):
        assert (own_batch(path), guesses(path, 2)) == (None, ())
        check(path, 2)
        assert resolve(path, 2) is resolve(path, 2)
    # And once with its weights, for the copy.
    assert len(log.read_text().splitlines()) == 2
    own(Path(path), ("N", 3, 16, 16))
    assert resolve(path, 2).inputs[0].shape == (2, 3, 16, 16)


@pytest.mark.parametrize("content", [b"", b"not a network", b"\x00" * 64, b"\xff\xd8\xff\xe0" * 16])
def test_another_kind_of_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(SpecError, match="not an ONNX file"):
        resolve(str(tmp_path / "m.onnx"), 1)


def test_what_the_checker_refuses_the_runtime_may_run(tmp_path: Path, kept: Path) -> None:
    """A version of the format that the runtime takes, an output without a type: whatever it runs is run."""
    path = own(tmp_path / "mine.onnx", ("N", 3, 8, 8))
    model = onnx.load(path)
    model.graph.output[0].ClearField("type")
    onnx.save(model, path)
    with pytest.raises(onnx.checker.ValidationError):
        onnx.checker.check_model(path)
    target = "colocate.worker.backends.onnxruntime_cpu:OnnxRuntimeCpu"
    OnnxRuntimeCpu(Request(target, "m", file=resolve(str(path), 2).file)).infer()


def test_damage_is_a_spec_error_of_one_line_or_unseen(tmp_path_factory: pytest.TempPathFactory, kept: Path) -> None:
    folder = tmp_path_factory.mktemp("damage")
    whole = own(folder / "whole.onnx").read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for position in range(0, len(whole), 3):
        cut, flipped = whole[:position], bytearray(whole)
        flipped[position] = rng.integers(256)
        for kind, content in (("cut", cut), ("flipped", bytes(flipped))):
            damaged = folder / f"{kind}-{position}.onnx"
            damaged.write_bytes(content)
            try:
                resolve(str(damaged), own_batch(str(damaged)) or 1)
            except SpecError as error:
                refused += 1
                assert "\n" not in str(error)
    assert refused > len(whole) / 3
