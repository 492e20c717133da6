"""What the operators of the standard need of every node: whoever reads a graph may count on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from onnx import ModelProto, NodeProto, defs

from colocate.errors import SpecError
from colocate.inference.onnx.tensors import bodies_of


def check(model: ModelProto) -> None:
    """Raise SpecError for a node without an input, an output or an attribute that its operator requires.

    Nothing else is judged: operators that the standard does not have, and types and shapes, are for the runtime.
    """
    versions = {entry.domain: entry.version for entry in model.opset_import}
    for node in model.graph.node:
        _check(node, versions)


def _check(node: NodeProto, versions: Mapping[str, int]) -> None:
    try:
        schema = defs.get_schema(node.op_type, max(versions.get(node.domain, 1), 1), node.domain)
    except (defs.SchemaError, TypeError):
        # No such operator, or a damaged name.
        schema = None
    lacking = "" if schema is None else next(_lacking(node, schema), "")
    if lacking:
        raise SpecError(f"node '{node.name}' ({node.op_type}) has {lacking}; export it again")
    for body in bodies_of(node):
        for inner in body.node:
            _check(inner, versions)


def _lacking(node: NodeProto, schema: defs.OpSchema) -> Iterator[str]:
    for what, names, least in (("input", node.input, schema.min_input), ("output", node.output, schema.min_output)):
        if len(names) < least:
            yield f"{len(names)} {what}s where {least} are needed"
    held = {attribute.name for attribute in node.attribute}
    for name, attribute in schema.attributes.items():
        if attribute.required and name not in held:
            yield f"no attribute '{name}'"
