"""Networks as nobody should make them: damaged bytes, wrong fields, weights that lie nowhere, graphs that explode."""

from __future__ import annotations

import functools
import os
import random
import unittest.mock
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from colocate.errors import SpecError
from tests.fuzz.inputs import Input
from tests.inference.onnx import files

NAME = "m.onnx"
_INTEGERS = (0, 1, -1, 2, 7, 255, 2**31 - 1, -(2**31), 2**40, 2**63 - 1, -(2**63))
_TEXTS = (
    "",
    "x",
    "y",
    "w",
    "a" * 5000,
    "a\nb",
    "\0",
    "../x",
    "/dev/zero",
    "\x1b[31m",
    "batch",
    "é",
    "N+1",
    "9" * 5000,
)
_LOCATIONS = (
    "w.bin", "w.bin", "w.bin", "none.bin", ".", "..", "../w.bin", "/dev/zero", "folder", "w\0.bin", "w" * 300, "",
    "folder/w.bin", "w.bin/w.bin", "w.bin\n",
)  # fmt: skip
_OPERATORS = (
    "Loop", "If", "Scan", "Gemm", "MatMul", "Conv", "ConvTranspose", "Gather", "OneHot", "Constant", "LSTM", "Cast",
    "Reshape", "Identity", "Equal", "DequantizeLinear", "QLinearConv", "QGemm", "EmbedLayerNormalization", "Range",
    "ConstantOfShape", "Tile", "Expand", "Einsum", "Attention", "NoSuchOperator",
)  # fmt: skip


@functools.cache
def _seeds() -> tuple[bytes, ...]:
    """Sound networks that use what the readers look at."""
    models = [
        files.model_of_products(3, ["a", "", "c"]), files.looping(), files.chosen(), files.scanning(),
        files.alternating(), files.quantised_by_pairs(), files.half(), _nested(3, 2), _indexed(),
    ]  # fmt: skip
    return tuple(model.SerializeToString() for model in models)


def damaged(random: random.Random) -> Input:
    """The bytes of a network with some changed, left out, repeated or swapped."""
    content = bytearray(random.choice(_seeds()))
    for _ in range(random.choice((1, 1, 2, 5, 20))):
        at, length = random.randrange(len(content)), random.choice((1, 1, 4, 50))
        chosen = random.randrange(5)
        if chosen == 0:
            content[at] ^= 1 << random.randrange(8)
        elif chosen == 1:
            content[at : at + length] = random.randbytes(length)
        elif chosen == 2:
            del content[at : at + length]
        elif chosen == 3:
            content[at:at] = content[at : at + length] * random.choice((1, 2, 100))
        else:
            content = content[: max(at, 1)]
        content = content or bytearray(b"\0")
    return _input(bytes(content))


def wrong_fields(random: random.Random) -> Input:
    """A network that can be parsed, with some fields of any other value."""
    model = ModelProto.FromString(random.choice(_seeds()))
    for _ in range(random.choice((1, 1, 2, 4, 8))):
        messages = [*_messages(model)]
        _change(random.choice(messages), random)
    return _input(model.SerializeToString())


def misplaced_weights(random: random.Random) -> Input:
    """Weights said to lie in a file beside the network, at any place and of any length."""
    model = files.model_of_products(2, ["a", "b"])
    for tensor in model.graph.initializer:
        content = tensor.raw_data
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        entries = {
            "location": random.choice(_LOCATIONS),
            "offset": random.choice(("0", "", "-1", "1", "far", "9" * 5000, "1e3", str(2**62), "4096", " 0 ")),
            "length": random.choice((str(len(content)), "", "-1", "0", str(2**62), "9" * 5000, "1e3", "4", "٣")),
        }  # fmt: skip
        for key in random.sample([*entries], random.choice((1, 2, 3, 3, 3))):
            tensor.external_data.add(key=key, value=entries[key])
    return Input(
        files={NAME: model.SerializeToString(), "w.bin": bytes(random.choice((0, 100, 5000))), "folder/x": b""},
        run=_read,
    )


def exploding(random: random.Random) -> Input:
    """Graphs of which little says a lot."""
    made: Callable[[], ModelProto] = random.choice((
        lambda: _nested(random.choice((5, 12, 24, 60, 400)), random.choice((1, 2, 3, 50))),
        lambda: _chain(random.choice((1000, 19_999, 20_001, 40_000))),
        lambda: _many_inputs(random.choice((10, 900, 5000))),
        lambda: _deep(random.choice((3, 8, 15, 22))),
        lambda: _wide(random.choice((1, 50, 5000, 50_000)), random.choice(_INTEGERS)),
        lambda: _huge(random),
    ))  # fmt: skip
    return _input(made().SerializeToString())


def no_text(random: random.Random) -> Input:
    """Names that are not UTF-8: protobuf writes none, so a name is overwritten in the bytes."""
    content = random.choice(_seeds())
    names = [name for _, name in _texts(ModelProto.FromString(content)) if name]
    for name in random.sample(names, min(len(names), random.choice((1, 1, 3)))):
        broken = bytearray(name.encode())
        broken[random.randrange(len(broken))] = random.choice((0xFF, 0xC0, 0x80, 0xED))
        content = content.replace(name.encode(), bytes(broken), random.choice((1, -1)))
    return _input(content)


def _input(content: bytes) -> Input:
    return Input(files={NAME: content}, run=_read)


def _read(folder: Path) -> int:
    with unittest.mock.patch.dict(os.environ, XDG_CACHE_HOME=str(folder / "cache")):
        return _read_all(str(folder / NAME))


def _read_all(path: str) -> int:
    """All that a command reads of a network before a runtime loads it."""
    from colocate.inference.networks import catalogue
    from colocate.inference.onnx import graph
    from colocate.inference.onnx.layer_map import commonly_fused, fused_layers, launch_overhead

    try:
        batch = catalogue.own_batch(path, ()) or 1
        catalogue.check(path, batch)
        catalogue.guesses(path, batch)
        network = catalogue.resolve(path, batch)
        layers = graph.layers(network.path)
        fused_layers(commonly_fused(layers), layers)
        graph.precision(layers)
        launch_overhead(network.path)
    except SpecError as error:
        # A limit ends the reader of what is beyond it; a defect does not look like one.
        assert "(exit status" not in str(error), error
        raise
    return 0


def _messages(message: Message) -> Iterator[Message]:
    yield message
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for each in [value] if isinstance(value, Message) else value:
                yield from _messages(each)


def _texts(message: Message) -> Iterator[tuple[str, str]]:
    for each in _messages(message):
        for field, value in each.ListFields():
            if field.type == FieldDescriptor.TYPE_STRING:
                yield from ((field.name, text) for text in ([value] if isinstance(value, str) else value))


def _change(message: Message, random: random.Random) -> None:
    """One field of it: left out, of another value, or with one entry more or fewer."""
    fields = [*message.DESCRIPTOR.fields]
    field = random.choice(fields)
    present = [each for each, _ in message.ListFields()]
    if present and random.random() < 0.8:
        field = random.choice(present)
    value = getattr(message, field.name)
    if random.random() < 0.25:
        message.ClearField(field.name)
    elif field.type == FieldDescriptor.TYPE_MESSAGE:
        if isinstance(value, Message):
            value.SetInParent()
        elif value and random.random() < 0.5:
            del value[random.randrange(len(value))]
        elif value:
            value.add().CopyFrom(random.choice(value))
        else:
            value.add()
    else:
        new = _value(field, random)
        if isinstance(value, (str, bytes, int, float)):
            setattr(message, field.name, new)
        elif value and random.random() < 0.6:
            value[random.randrange(len(value))] = new
        else:
            value.append(new)


def _value(field: FieldDescriptor, random: random.Random) -> object:
    if field.type == FieldDescriptor.TYPE_STRING:
        return random.choice(_OPERATORS if field.name == "op_type" else (*_TEXTS, *_OPERATORS[:3]))
    if field.type == FieldDescriptor.TYPE_BYTES:
        return random.randbytes(random.choice((0, 1, 4, 100)))
    if field.type == FieldDescriptor.TYPE_ENUM:
        return random.choice(list(field.enum_type.values_by_number))
    if field.cpp_type in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
        return random.choice((0.0, -1.0, 1e30, float("nan"), float("inf")))
    narrow = field.cpp_type == FieldDescriptor.CPPTYPE_INT32
    unsigned = field.cpp_type in (FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64)
    number = random.choice(_INTEGERS)
    if unsigned:
        return abs(number) % 2**31
    return max(-(2**31), min(number, 2**31 - 1)) if narrow else number


_OPSETS = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]


def _model(
    nodes: Sequence[NodeProto], inputs: Sequence[ValueInfoProto] = (), stored: Sequence[TensorProto] = ()
) -> ModelProto:
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 8]) for name in "xy"]
    graph = helper.make_graph(nodes, "g", inputs or ends[:1], ends[1:], stored)
    return helper.make_model(graph, opset_imports=_OPSETS, ir_version=8)


def _chain(count: int) -> ModelProto:
    names = ["x", *(f"t{number}" for number in range(1, count)), "y"]
    return _model([helper.make_node("Sin", [names[i]], [names[i + 1]]) for i in range(count)])


def _nested(depth: int, calls: int) -> ModelProto:
    model = _model([helper.make_node(f"f{depth - 1}", ["x"], ["y"], domain="own")])
    for level in range(depth):
        kind, domain = ("Sin", "") if level == 0 else (f"f{level - 1}", "own")
        names = ["a", *(f"t{number}" for number in range(1, calls)), "b"]
        nodes = [helper.make_node(kind, [names[i]], [names[i + 1]], domain=domain) for i in range(calls)]
        model.functions.append(helper.make_function("own", f"f{level}", ["a"], ["b"], nodes, _OPSETS))
    return model


def _many_inputs(count: int) -> ModelProto:
    names = [f"x{number}" for number in range(count)]
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["N", "T"]) for name in names]
    return _model([helper.make_node("Sum", names, ["y"])], inputs)


def _deep(depth: int) -> ModelProto:
    """Branches in branches."""
    body = helper.make_graph([helper.make_node("Sin", ["x"], ["z"])], "b", [], [files.floats("z", 1, 8)])
    for _ in range(depth):
        branches = {"then_branch": body} if depth > 10 else {"then_branch": body, "else_branch": body}
        node = helper.make_node("If", ["c"], ["z"], **branches)
        body = helper.make_graph([node], "b", [], [files.floats("z", 1, 8)])
    condition = numpy_helper.from_array(np.array(True), "c")
    return _model([helper.make_node("If", ["c"], ["y"], then_branch=body, else_branch=body)], stored=[condition])


def _wide(rank: int, size: int) -> ModelProto:
    model = _model([helper.make_node("Sin", ["x"], ["y"])])
    for value in (*model.graph.input, *model.graph.output):
        for _ in range(rank):
            value.type.tensor_type.shape.dim.add(dim_value=size)
    return model


def _huge(random: random.Random) -> ModelProto:
    """A shape that is a constant, of more elements than any memory holds."""
    sizes = numpy_helper.from_array(np.array([random.choice((10**9, 2**40)), random.choice((1, 10**9))]), "sizes")
    kind = random.choice(("ConstantOfShape", "Expand", "Tile", "Reshape"))
    inputs = ["sizes"] if kind == "ConstantOfShape" else ["x", "sizes"]
    more = [helper.make_node("Shape", ["t"], ["s"]), helper.make_node("ConstantOfShape", ["s"], ["y"])]
    return _model([helper.make_node(kind, inputs, ["t"]), *more], stored=[sizes])


def _indexed() -> ModelProto:
    """Integers that index tables, are compared, and are no multiple of anything."""
    ids, flag = (helper.make_tensor_value_info(*each) for each in (("i", 7, ["N", "T"]), ("f", 7, [])))
    stored = [files.weights("t", 10, 4), files.constant("d", 12, np.int64), files.constant("v", [0, 1], np.float32),
              files.constant("k", 3, np.int64)]  # fmt: skip
    nodes = [
        helper.make_node("Identity", ["i"], ["j"]), helper.make_node("Gather", ["t", "j"], ["g"]),
        helper.make_node("OneHot", ["j", "d", "v"], ["h"]), helper.make_node("Equal", ["f", "k"], ["e"]),
        helper.make_node("Cast", ["e"], ["y"], to=1),
    ]  # fmt: skip
    return _model(nodes, [ids, flag], stored)
