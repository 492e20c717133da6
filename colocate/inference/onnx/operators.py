"""What whoever reads a graph may count on: names are text, and every node has what its operator needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from onnx import ModelProto, NodeProto, defs

from colocate.errors import SpecError
from colocate.inference.onnx.tensors import bodies_of


def check(model: ModelProto) -> None:
    """Raise SpecError for a name that is no text, as in a damaged file, and for a node without an input, an output or
    an attribute that its operator requires.

    Nothing else is judged: operators that the standard does not have, and types and shapes, are for the runtime.
    """
    named = (*model.graph.input, *model.graph.output, *model.graph.value_info, *model.graph.initializer)
    _check_text(*(each.name for each in named))
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        _check_text(*(dim.dim_param for dim in value.type.tensor_type.shape.dim))
    versions = {entry.domain: entry.version for entry in model.opset_import}
    for node in model.graph.node:
        _check(node, versions)


def _check(node: NodeProto, versions: Mapping[str, int]) -> None:
    _check_text(node.name, node.op_type, node.domain, *node.input, *node.output)
    _check_text(*(attribute.name for attribute in node.attribute))
    try:
        schema = defs.get_schema(node.op_type, max(versions.get(node.domain, 1), 1), node.domain)
    except defs.SchemaError:
        schema = None
    missing = "" if schema is None else next(_missing(node, schema), "")
    if missing:
        raise SpecError(f"node '{node.name}' ({node.op_type}) has {missing}; export it again")
    for body in bodies_of(node):
        for inner in body.node:
            _check(inner, versions)


def _check_text(*names: object) -> None:
    """Protobuf gives bytes where it does not find the text that it expects."""
    for name in names:
        if not isinstance(name, str):
            raise SpecError(f"it is damaged: {name!r} stands in place of a name; copy it again")


def _missing(node: NodeProto, schema: defs.OpSchema) -> Iterator[str]:
    for what, names, least in (("input", node.input, schema.min_input), ("output", node.output, schema.min_output)):
        if len(names) < least:
            yield f"{len(names)} {what}s where {least} are needed"
    held = {attribute.name for attribute in node.attribute}
    for name, attribute in schema.attributes.items():
        if attribute.required and name not in held:
            yield f"no attribute '{name}'"
