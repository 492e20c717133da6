"""A network cut into pieces that run by themselves: one layer, or several that a runtime fuses, per piece."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, ValueInfoProto, helper, numpy_helper
from onnx.utils import Extractor

from colocate.errors import SpecError
from colocate.inference import RESIDENT, graph, onnx_file
from colocate.inference.networks import Network, TensorSpec


def pieces(network: Network, blocks: Iterable[Collection[str]], folder: Path) -> Iterator[Network]:
    """Each of `blocks`, the names of one or more layers, as a network of its own; no names stand for `hollow`.

    A file in `folder`, written when its turn comes: the block with its weights and true input shapes, batch
    included, and an input for every tensor that it reads. Raises SpecError for a block that reads a tensor of
    unknown shape or of a type that cannot be fed, ValueError for the name of no layer.
    """
    # Cutting goes by shapes alone, so it copies no weights; each piece then gets the data of its own.
    extractor = Extractor(graph.inferred(network.path))
    layers = graph.layers(network.path)
    stored = {tensor.name: tensor for tensor in onnx.load(network.path, format="protobuf").graph.initializer}
    for index, names in enumerate(blocks):
        path = folder / f"{network.path.stem}-{index:03}.onnx"
        if not names:
            onnx.save(hollow(network.path), path)
            yield Network("hollow", path, onnx_file.sha256(path), network.inputs, 0, 0)
            continue
        block = graph.fused(layers, names)
        if any(tensor.elements is None for tensor in block.reads):
            raise SpecError(f"layer '{block.name}' cannot be cut out: the shape of its input depends on the data")
        piece = extractor.extract_model([tensor.name for tensor in block.reads], [t.name for t in block.writes])
        for tensor in piece.graph.initializer:
            tensor.CopyFrom(stored[tensor.name])
        # A block's input is there when its turn comes: looped by itself, it is not charged with a copy to the GPU.
        helper.set_model_props(piece, {RESIDENT: "yes"})
        onnx.save(piece, path)
        yield _described(block, path, piece)


def hollow(model: Path) -> ModelProto:
    """The network's inputs and outputs with as good as nothing between them: one number is spread over each output.

    Its inputs are copied to a GPU for each inference, as the network's are.
    """
    plain = graph.inferred(model)
    inputs = onnx_file.inputs(model, plain)
    stored = [
        numpy_helper.from_array(np.array([-1]), "hollow.flat"),
        numpy_helper.from_array(np.array(0), "hollow.first"),
    ]
    nodes = [
        helper.make_node("Reshape", [inputs[0].name, "hollow.flat"], ["hollow.row"]),
        helper.make_node("Gather", ["hollow.row", "hollow.first"], ["hollow.one"]),
    ]
    # An input or a constant that is also an output goes out, and nothing makes it.
    written = {name for node in plain.graph.node for name in node.output}
    made = [value for value in plain.graph.output if value.name in written]
    for value in made:
        tensor = value.type.tensor_type
        shape = f"hollow.shape.{value.name}"
        sizes = np.array([dim.dim_value for dim in tensor.shape.dim], np.int64)
        stored.append(numpy_helper.from_array(sizes, shape))
        nodes.append(helper.make_node("Cast", ["hollow.one"], [f"hollow.of.{value.name}"], to=tensor.elem_type))
        nodes.append(helper.make_node("Expand", [f"hollow.of.{value.name}", shape], [value.name]))
    empty = helper.make_graph(nodes, "hollow", inputs, made, stored)
    return helper.make_model(empty, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def _described(block: graph.Layer, path: Path, piece: ModelProto) -> Network:
    inputs = tuple(_spec(block, value) for value in piece.graph.input)
    return Network(block.name, path, onnx_file.sha256(path), inputs, graph.parameters(piece), block.macs)


def _spec(block: graph.Layer, value: ValueInfoProto) -> TensorSpec:
    tensor = value.type.tensor_type
    if tensor.elem_type not in onnx_file.DTYPES:
        raise SpecError(
            f"layer '{block.name}' cannot be cut out: its input '{value.name}' is of a type that is not fed"
        )
    return TensorSpec(
        value.name, tuple(dim.dim_value for dim in tensor.shape.dim), onnx_file.DTYPES[tensor.elem_type]
    )
