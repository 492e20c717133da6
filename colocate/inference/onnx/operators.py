"""Checks before a graph is read: names are text, and every node has what its operator requires."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from onnx import AttributeProto, ModelProto, NodeProto, defs

from colocate.errors import SpecError
from colocate.inference.onnx.tensors import bodies_of

# Fields that colocate does not read; older exporters used other encodings in them.
_UNREAD = frozenset(("doc_string", "metadata_props"))
# Exporters' names, which list the modules around a layer, are far shorter.
NAME_MAX = 1000
_SHOWN = 60
_SINGLE = defs.OpSchema.FormalParameterOption.Single


def check(model: ModelProto) -> None:
    """Raise SpecError for a name that is not text (as in a damaged file) or too long to print, and for a node that
    misses an input, an output or an attribute that its operator requires.

    The runtime judges everything else: operators outside the ONNX standard, types and shapes.
    """
    _check_text(model)
    versions = {entry.domain: entry.version for entry in model.opset_import}
    for node in (*model.graph.node, *(node for function in model.functions for node in function.node)):
        _check(node, versions)


def _check(node: NodeProto, versions: Mapping[str, int]) -> None:
    schema = _schema(node, versions)
    missing = "" if schema is None else next(_missing(node, schema), "")
    if missing:
        raise SpecError(f"node '{node.name}' ({node.op_type}) has {missing}; export it again")
    for body in bodies_of(node):
        for inner in body.node:
            _check(inner, versions)


def _schema(node: NodeProto, versions: Mapping[str, int]) -> defs.OpSchema | None:
    # The version of an optional domain may be missing.
    version = min(max(versions.get(node.domain, 1), 1), 2**31 - 1)
    try:
        return defs.get_schema(node.op_type, version, node.domain)
    except defs.SchemaError:
        return None


def _check_text(message: Message) -> None:
    """Raise SpecError for names as `check` does. Protobuf returns bytes for a text field that is not valid text."""
    for field, value in message.ListFields():
        if field.name in _UNREAD:
            continue
        if field.type == FieldDescriptor.TYPE_STRING:
            for name in [value] if isinstance(value, (str, bytes)) else value:
                if not isinstance(name, str):
                    raise SpecError(f"it is damaged: {name[:_SHOWN]!r} stands in place of a name; copy it again")
                if len(name) > NAME_MAX:
                    raise SpecError(
                        f"the name {name[:_SHOWN]!r}... has {len(name)} characters, and {NAME_MAX} are the most"
                    )
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            for each in [value] if isinstance(value, Message) else value:
                _check_text(each)


def _missing(node: NodeProto, schema: defs.OpSchema) -> Iterator[str]:
    for what, names, least in (("input", node.input, schema.min_input), ("output", node.output, schema.min_output)):
        if len(names) < least:
            yield f"{len(names)} {what}s where {least} are needed"
    for name, wanted in zip(node.input, schema.inputs, strict=False):
        # An empty name stands for an input that is left out.
        if not name and wanted.option == _SINGLE:
            yield f"no input '{wanted.name}'"
    held = {attribute.name: attribute for attribute in node.attribute}
    for name, attribute in schema.attributes.items():
        # The type stubs of onnx do not have it.
        kind = cast(Any, attribute.type).value
        if attribute.required and name not in held:
            yield f"no attribute '{name}'"
        elif name in held and held[name].type not in (kind, AttributeProto.UNDEFINED):
            yield f"an attribute '{name}' of type {held[name].type} where type {kind} is needed"
        elif name in held and kind == AttributeProto.GRAPH and not held[name].HasField("g"):
            yield f"no graph in its attribute '{name}'"
