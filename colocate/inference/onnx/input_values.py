"""The values that each input of a network is fed: chosen by the study, or else values with which the network can run.

Integers that index a table stay inside the table, and masks are ones. A scalar that is compared with a constant is
that constant; other scalars are 1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import numpy as np
from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from colocate.errors import SpecError
from colocate.inference.onnx.tensors import bodies_of, input_of
from colocate.model.request import InputChoice
from colocate.model.written import as_written
from colocate.worker.request import TensorSpec

_MASK = re.compile(r".*mask.*", re.IGNORECASE)
# Operators that pass an index on to a table without changing its value.
_TRANSPARENT = frozenset(("Cast", "Identity", "Squeeze", "Unsqueeze", "Reshape", "Flatten", "Transpose", "Expand"))
# The number types of numpy itself, which has no bfloat16, 8-bit floats or 4-bit integers. Strings are no numbers.
_FED = frozenset(
    TensorProto.DataType.Value(name)
    for name in (
        *("FLOAT16", "FLOAT", "DOUBLE", "BOOL"),
        *("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"),
    )
)
_COMPARISONS = frozenset(("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"))


def dtype_of(value: ValueInfoProto) -> str:
    """Return numpy's name of an input's element type. Raises SpecError for a type that cannot be fed."""
    number = value.type.tensor_type.elem_type
    if number not in _FED:
        kinds = {number: kind.lower() for kind, number in TensorProto.DataType.items()}
        kind = kinds.get(number, f"number {number}")
        raise SpecError(f"input '{value.name}' is of type {kind}, which cannot be fed: only numbers and booleans can")
    return np.dtype(helper.tensor_dtype_to_np_dtype(number)).name


def filled(
    graph: GraphProto, value: ValueInfoProto, shape: tuple[int, ...], choice: InputChoice | None
) -> TensorSpec:
    """Return what to feed: the array of a file, one number, integers in a range, or normally distributed floats.
    Raises SpecError for a type that cannot be fed and a number that the type cannot hold.
    """
    name, dtype = value.name, dtype_of(value)
    chosen = None if choice is None else choice.value
    if isinstance(chosen, str):
        return TensorSpec(name, shape, dtype, file=chosen)
    if chosen is not None and not _holds(dtype, chosen):
        raise SpecError(
            f"--input {name}={as_written(chosen)}: the input is of {dtype}, which cannot hold that number"
        )
    if chosen is not None:
        return TensorSpec(name, shape, dtype, constant=chosen)
    if dtype == "bool" or (_MASK.fullmatch(name) and shape):
        return TensorSpec(name, shape, dtype, constant=1.0)
    if not shape:
        compared = _compared_with(graph, name)
        fitting = compared is not None and _holds(dtype, compared)
        return TensorSpec(name, shape, dtype, constant=compared if fitting else 1.0)
    if dtype.startswith("float"):
        return TensorSpec(name, shape, dtype)
    rows = _table_rows(graph, name)
    if rows is not None:
        return TensorSpec(name, shape, dtype, low=0, high=max(rows, 1))
    return TensorSpec(name, shape, dtype, low=1, high=10 if dtype in ("int64", "int32", "uint64", "uint32") else 128)


def _holds(dtype: str, number: float) -> bool:
    """Whether an element of type `dtype` can hold `number`; a float may round it."""
    with np.errstate(all="ignore"):
        stored = np.float64(number).astype(dtype)
    return bool(np.isfinite(stored)) if dtype.startswith("float") else float(stored) == number


def _nodes(graph: GraphProto) -> Iterator[NodeProto]:
    """Yield every node. Nodes in the bodies of If, Loop and Scan follow the node that holds them."""
    for node in graph.node:
        yield node
        for body in bodies_of(node):
            yield from _nodes(body)


def _readers(graph: GraphProto, name: str) -> Iterator[tuple[NodeProto, set[str]]]:
    """Yield every node that does more than copy the input `name`, and the names of the input and its copies."""
    same = {name}
    for node in _nodes(graph):
        if node.op_type in _TRANSPARENT and input_of(node, 0) in same:
            same |= set(node.output)
        else:
            yield node, same


def _constants(graph: GraphProto) -> dict[str, TensorProto]:
    """Return the tensors that are known before anything runs, by name; large ones may have a shape but no data."""
    found = {tensor.name: tensor for tensor in graph.initializer}
    for node in _nodes(graph):
        if node.op_type == "Constant":
            values = [attribute.t for attribute in node.attribute if attribute.name == "value"]
            found |= dict(zip(node.output, values, strict=False))
        elif node.op_type in ("DequantizeLinear", "Cast", "Identity") and input_of(node, 0) in found:
            found.update(dict.fromkeys(node.output[:1], found[input_of(node, 0)]))
        for body in bodies_of(node):
            found |= {tensor.name: tensor for tensor in body.initializer}
    return found


def _table_rows(graph: GraphProto, name: str) -> int | None:
    """Return the rows of the smallest table that integers of the input `name` index; None if they index none."""
    constants, rows = _constants(graph), []
    for node, same in _readers(graph, name):
        first, second = input_of(node, 0), input_of(node, 1)
        if node.op_type in ("Gather", "GatherElements") and second in same and first in constants:
            axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 0)
            rows += constants[first].dims[axis:][:1]
        elif node.op_type == "OneHot" and first in same and second in constants:
            depth = _number(constants[second])
            rows += [] if depth is None else [int(depth)]
        elif node.op_type == "EmbedLayerNormalization":
            # com.microsoft: word ids index input 2, segment ids input 4.
            for ids, table in ((0, 2), (1, 4)):
                if input_of(node, ids) in same and input_of(node, table) in constants:
                    rows += constants[input_of(node, table)].dims[:1]
    return min(rows, default=None)


def _compared_with(graph: GraphProto, name: str) -> float | None:
    """Return the constant that the scalar input `name` is compared with; None if there is none."""
    constants = _constants(graph)
    for node, same in _readers(graph, name):
        if node.op_type in _COMPARISONS and same & set(node.input):
            others = [constants[other] for other in node.input if other in constants]
            if others and (number := _number(others[0])) is not None:
                return number
    return None


def _number(constant: TensorProto) -> float | None:
    """Return the only element of `constant`; None if it has several, or the element is no finite number."""
    if math.prod(constant.dims) != 1 or constant.data_type not in _FED:
        return None
    try:
        number = float(numpy_helper.to_array(constant).ravel()[0])
    except ValueError:
        # The data do not fill the shape; the runtime reports that.
        return None
    return number if math.isfinite(number) else None
