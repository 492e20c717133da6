"""Cutting a network into subgraphs that run by themselves, each with one layer or several that a runtime fuses."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper
from onnx.utils import Extractor

from colocate.errors import SpecError
from colocate.inference.networks.network import Network
from colocate.inference.onnx import graph, onnx_file
from colocate.inference.onnx.feeding import PART_PRODUCER
from colocate.inference.onnx.input_values import filled
from colocate.inference.onnx.tensors import captured_by
from colocate.worker.request import RESIDENT


def subgraphs(network: Network, fused_layers: Iterable[Collection[str]], folder: Path) -> Iterator[Network]:
    """Yield each of `fused_layers`, the names of one or more layers, as a network of its own.

    An empty collection means `launch_overhead`. Each network is a file in `folder`, written when the iterator reaches
    it. It holds the layers with their weights and true input shapes, including the batch, and has an input for every
    tensor that they read. Raises SpecError for a layer that reads a tensor of unknown shape or of a type that cannot
    be fed, ValueError for a name that no layer has.
    """
    # Cutting needs only shapes, so it copies no weights; each subgraph then gets the data of its own weights.
    whole = graph.inferred(network.path)
    extractor = Extractor(whole)
    constants = {tensor.name: tensor for tensor in whole.graph.initializer}
    layers = graph.LayerIndex(graph.layers(network.path))
    stored = {tensor.name: tensor for tensor in onnx_file.whole(network.path).graph.initializer}
    for index, names in enumerate(fused_layers):
        path = folder / f"{network.path.stem}-{index:03}.onnx"
        if not names:
            onnx.save(launch_overhead(network.path), path)
            yield Network("launch_overhead", path, onnx_file.sha256(path), network.inputs, 0, 0)
            continue
        layer = layers.fused(names)
        if any(tensor.elements is None for tensor in layer.reads):
            raise SpecError(f"layer '{layer.name}' cannot be cut out: the shape of its input depends on the data")
        subgraph = _cut(extractor, constants, layer)
        for tensor in subgraph.graph.initializer:
            tensor.CopyFrom(stored[tensor.name])
        # In the network, a layer's input is already on the GPU, so the subgraph must not copy it there either.
        subgraph.producer_name = PART_PRODUCER
        helper.set_model_props(subgraph, {RESIDENT: "yes"})
        onnx.save(subgraph, path)
        yield _described(layer, path, subgraph)


def launch_overhead(model: Path) -> ModelProto:
    """Return a network with the inputs and outputs of `model` and almost nothing between: it fills each output with
    one number.

    Its inputs are copied to a GPU for each inference, like those of the network.
    """
    plain = graph.inferred(model)
    inputs = onnx_file.inputs(model, plain)
    stored = [
        numpy_helper.from_array(np.array([-1]), "overhead.flat"),
        numpy_helper.from_array(np.array(0), "overhead.first"),
    ]
    nodes = [
        helper.make_node("Reshape", [inputs[0].name, "overhead.flat"], ["overhead.row"]),
        helper.make_node("Gather", ["overhead.row", "overhead.first"], ["overhead.one"]),
    ]
    # An output that is also an input or a constant is left out, because no node makes it.
    written = {name for node in plain.graph.node for name in node.output}
    made = [value for value in plain.graph.output if value.name in written]
    for value in made:
        tensor = value.type.tensor_type
        shape = f"overhead.shape.{value.name}"
        sizes = np.array([dim.dim_value for dim in tensor.shape.dim], np.int64)
        stored.append(numpy_helper.from_array(sizes, shape))
        nodes.append(helper.make_node("Cast", ["overhead.one"], [f"overhead.of.{value.name}"], to=tensor.elem_type))
        nodes.append(helper.make_node("Expand", [f"overhead.of.{value.name}", shape], [value.name]))
    empty = helper.make_graph(nodes, "launch_overhead", inputs, made, stored)
    return helper.make_model(
        empty, opset_imports=[helper.make_opsetid("", 13)], ir_version=8, producer_name=PART_PRODUCER
    )


def _cut(extractor: Extractor, constants: Mapping[str, TensorProto], layer: graph.Layer) -> ModelProto:
    """Return the layer with the constants that it reads, including those that only its bodies read: a body reads
    tensors of the graph around it without listing them.
    """
    reads, writes = [tensor.name for tensor in layer.reads], [tensor.name for tensor in layer.writes]
    subgraph = extractor.extract_model(reads, writes)
    captured = {name for node in subgraph.graph.node for name in captured_by(node)}
    captured -= {*reads, *(name for node in subgraph.graph.node for name in node.output)}
    prepared = sorted(captured - constants.keys())
    if prepared:
        subgraph = extractor.extract_model(reads, [*writes, *prepared])
        del subgraph.graph.output[len(writes) :]
    there = {tensor.name for tensor in subgraph.graph.initializer}
    subgraph.graph.initializer.extend(tensor for name, tensor in constants.items() if name in captured - there)
    return subgraph


def _described(layer: graph.Layer, path: Path, subgraph: ModelProto) -> Network:
    try:
        inputs = tuple(
            filled(subgraph.graph, value, tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim), None)
            for value in subgraph.graph.input
        )
    except SpecError as error:
        raise SpecError(f"layer '{layer.name}' cannot be cut out: {error}") from error
    return Network(layer.name, path, onnx_file.sha256(path), inputs, graph.parameters(subgraph), layer.macs)
