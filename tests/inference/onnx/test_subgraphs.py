"""Every subgraph of a network runs by itself, on the shapes it has in the whole, and computes what it did there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from colocate.errors import SpecError
from colocate.inference.networks.catalogue import resolve
from colocate.inference.networks.network import Network
from colocate.inference.networks.topologies.sketch import Blob, Sketch
from colocate.inference.networks.topologies.weights import filled
from colocate.inference.onnx import graph
from colocate.inference.onnx.layer_map import launch_overhead
from colocate.inference.onnx.subgraphs import subgraphs
from colocate.worker.inputs import input_arrays
from colocate.worker.request import TensorSpec
from tests.inference.onnx import files

Arrays = dict[str, npt.NDArray[np.float32]]


def run(model: str | bytes, feeds: Arrays) -> Arrays:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    # As written: fused or not, every tensor is there to be compared.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds), strict=True))


def activations(network: Network) -> Arrays:
    """Every tensor of one inference of the whole network."""
    model = onnx.load(network.path)
    written = {value.name for value in model.graph.output}
    tensors = [tensor for node in model.graph.node for tensor in node.output if tensor not in written]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in tensors)
    feeds = input_arrays(network.file)
    return feeds | run(model.SerializeToString(), feeds)


def saved(model: onnx.ModelProto, path: Path, batch: int = 2) -> Network:
    """As `resolve` describes it."""
    onnx.save(model, path)
    size = model.graph.input[0].type.tensor_type.shape.dim[-1].dim_value
    return Network("net", path, "", (TensorSpec("data", (batch, 3, size, size), "float32"),), 0, 0)


def sketched(draw: Callable[[Sketch], Blob], path: Path, batch: int = 2) -> Network:
    net = Sketch("net", batch, 3, 9)
    return saved(filled(net.finished(draw(net)), 0), path, batch)


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize(
    ("name", "batch", "few"),
    [
        ("alexnet", 1, None),
        ("squeezenet1_1", 2, None),
        ("googlenet", 1, ["pool2/3x3_s2", "conv2/norm2", "inception_4b/5x5", "inception_5b/output", "prob"]),
    ],
)
def test_every_layer_computes_what_it_does_in_the_whole(
    name: str, batch: int, few: list[str] | None, tmp_path: Path
) -> None:
    network = resolve(name, batch)
    layers = {layer.name: layer for layer in graph.layers(network.path)}
    names = few or list(layers)
    seen = activations(network)
    for layer, subgraph in zip(names, subgraphs(network, [[n] for n in names], tmp_path), strict=True):
        onnx.checker.check_model(subgraph.path, full_check=True)
        assert (subgraph.name, subgraph.macs, subgraph.parameters) == (
            layer,
            layers[layer].macs,
            layers[layer].weight_elements,
        )
        assert all(spec.shape == seen[spec.name].shape and spec.shape[0] == batch for spec in subgraph.inputs)
        # The tensors are called as their layers in these networks.
        outputs = run(str(subgraph.path), {spec.name: seen[spec.name] for spec in subgraph.inputs})
        assert list(outputs) == [layer]
        np.testing.assert_allclose(outputs[layer], seen[layer], rtol=1e-3, atol=1e-5)
        subgraph.path.unlink()


def test_layers_that_are_fused_are_one_subgraph(tmp_path: Path) -> None:
    def draw(net: Sketch) -> Blob:
        stem = net.relu("stem_relu", net.conv("stem", net.data, 8, 3, pad=1))
        branch = net.conv("branch", stem, 8, 1)
        return net.relu("sum_relu", net.add("sum", stem, branch))

    network = sketched(draw, tmp_path / "net.onnx")
    seen = activations(network)
    (residual,) = subgraphs(network, [["branch", "sum", "sum_relu"]], tmp_path)
    assert (residual.name, residual.inputs) == (
        "branch+sum+sum_relu", (TensorSpec("stem_relu", (2, 8, 9, 9), "float32"),)
    )  # fmt: skip
    outputs = run(str(residual.path), {"stem_relu": seen["stem_relu"]})
    np.testing.assert_allclose(outputs["sum_relu"], seen["sum_relu"], rtol=1e-4, atol=1e-6)
    (add,) = subgraphs(network, [["sum"]], tmp_path)
    assert [spec.name for spec in add.inputs] == ["stem_relu", "branch"]
    fed = input_arrays(add.file)
    assert (fed["stem_relu"] != fed["branch"]).any()
    np.testing.assert_array_equal(run(str(add.path), fed)["sum"], fed["stem_relu"] + fed["branch"])


def test_a_tensor_that_others_read_too_stays_an_output(tmp_path: Path) -> None:
    def draw(net: Sketch) -> Blob:
        stem = net.conv("stem", net.data, 4, 3, pad=1)
        return net.add("sum", stem, net.relu("relu", stem))

    network = sketched(draw, tmp_path / "net.onnx")
    (subgraph,) = subgraphs(network, [["stem", "relu"]], tmp_path)
    assert list(run(str(subgraph.path), input_arrays(network.file))) == ["stem", "relu"]


def own(nodes: list[onnx.NodeProto], path: Path, weights: list[onnx.TensorProto]) -> Network:
    x = helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 3, 4, 4])
    body = helper.make_graph(nodes, "g", [x], [helper.make_empty_tensor_value_info("y")], weights)
    return saved(helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path, 1)


def test_what_only_prepares_constants_comes_along(tmp_path: Path) -> None:
    weight = numpy_helper.from_array(np.arange(1600, dtype=np.float32).reshape(100, 16), "w")
    nodes = [
        helper.make_node("Constant", [], ["shape"], value_ints=[3, 16]),
        helper.make_node("Reshape", ["data", "shape"], ["rows"], "rows"),
        helper.make_node("Transpose", ["w"], ["wt"], perm=[1, 0]),
        helper.make_node("MatMul", ["rows", "wt"], ["y"], "product"),
    ]
    network = own(nodes, tmp_path / "net.onnx", [weight])
    rows, product = subgraphs(network, [["rows"], ["product"]], tmp_path)
    x = input_arrays(product.file)["rows"]
    np.testing.assert_allclose(
        run(str(product.path), {"rows": x})["y"], x @ numpy_helper.to_array(weight).T, rtol=1e-4
    )
    assert (product.macs, product.parameters, rows.parameters) == (3 * 16 * 100, 1600, 0)


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_no_layers_stand_for_the_launch_overhead(precision: str, tmp_path: Path) -> None:
    network = resolve("squeezenet1_1", 2, precision)
    (empty,) = subgraphs(network, [()], tmp_path)
    onnx.checker.check_model(empty.path, full_check=True)
    assert (empty.inputs, empty.parameters, empty.macs) == (network.inputs, 0, 0)
    model, whole = onnx.load(empty.path), onnx.load(network.path)
    assert list(model.graph.output) == list(graph.inferred(whole).graph.output)
    assert not model.metadata_props, "its input is copied for each inference"
    fed = input_arrays(network.file)
    (output,) = run(str(empty.path), fed).values()
    assert (output == next(iter(fed.values())).flat[0]).all()
    assert output.shape == tuple(dim.dim_value for dim in whole.graph.output[0].type.tensor_type.shape.dim)
    beside = launch_overhead(network.path)
    assert beside is not None and beside.is_launch_overhead
    assert beside.moved_bytes == output.nbytes + sum(array.nbytes for array in fed.values())


def test_the_launch_overhead_gives_a_single_number_and_leaves_out_what_nothing_makes(tmp_path: Path) -> None:
    fed = helper.make_tensor_value_info("data", TensorProto.INT64, [2, 3])
    outputs = [helper.make_tensor_value_info("mean", TensorProto.INT64, []), fed]
    nodes = [helper.make_node("ReduceSum", ["data"], ["mean"], "mean", keepdims=0)]
    path = tmp_path / "net.onnx"
    onnx.save(helper.make_model(helper.make_graph(nodes, "net", [fed], outputs), ir_version=8), path)
    (empty,) = subgraphs(resolve(str(path), 2, "fp32"), [()], tmp_path)
    onnx.checker.check_model(empty.path, full_check=True)
    (number,) = run(str(empty.path), input_arrays(empty.file)).values()
    assert number.shape == () and str(number.dtype) == "int64"


def test_what_cannot_be_cut_says_why(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("NonZero", ["data"], ["where"], "nonzero"),
        helper.make_node("Cast", ["where"], ["y"], "cast", to=TensorProto.FLOAT),
        helper.make_node("Cast", ["data"], ["text"], "spelled", to=TensorProto.STRING),
        helper.make_node("Identity", ["text"], ["unused"], "passed"),
    ]
    network = own(nodes, tmp_path / "net.onnx", [])
    with pytest.raises(SpecError, match="'cast' cannot be cut out: the shape"):
        list(subgraphs(network, [["cast"]], tmp_path))
    with pytest.raises(SpecError, match="'passed' cannot be cut out: input 'text' is of type string"):
        list(subgraphs(network, [["passed"]], tmp_path))
    with pytest.raises(ValueError, match="absent"):
        list(subgraphs(network, [["absent"]], tmp_path))


def prepared(model: onnx.ModelProto) -> onnx.ModelProto:
    """The network with the weights that its body reads made by nodes in front."""
    weights = model.graph.initializer[0]
    halved = helper.make_node("Mul", ["w.stored", "half"], ["w"])
    stored = helper.make_node("Constant", [], ["w.stored"], value=weights)
    nodes = [stored, halved, *model.graph.node]
    del model.graph.node[:], model.graph.initializer[0]
    model.graph.node.extend(nodes)
    model.graph.initializer.append(files.constant("half", 0.5, np.float32))
    return model


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (files.looping(), ["Loop_1"]),
        (prepared(files.looping()), ["Loop_2"]),
        (files.scanning(), ["Scan_0"]),
        (files.alternating(), ["Loop_0"]),
        (files.quantised_by_pairs(), ["x.d DequantizeLinear", "conv1", "relu1", "r1.q QuantizeLinear"]),
        (files.quantised_by_pairs(), ["r1.d DequantizeLinear", "c2.d DequantizeLinear", "sum", "s.q QuantizeLinear"]),
    ],
)
def test_what_has_a_body_or_is_quantised_computes_what_it_does_in_the_whole(
    model: onnx.ModelProto, names: list[str], tmp_path: Path
) -> None:
    network = files.saved(model, tmp_path)
    layer = graph.LayerIndex(graph.layers(network.path)).fused(names)
    (subgraph,) = subgraphs(network, [names], tmp_path)
    onnx.checker.check_model(subgraph.path, full_check=True)
    seen = activations(network)
    found = run(str(subgraph.path), {spec.name: seen[spec.name] for spec in subgraph.inputs})
    assert [*found] == [tensor.name for tensor in layer.writes]
    for name, values in found.items():
        np.testing.assert_array_equal(values, seen[name])
