"""The tensors that a user's .onnx file keeps in files beside it.

colocate reads them itself, because onnx refuses symbolic links. In a cache of downloads every file is such a link,
and runtimes follow them.
"""

from __future__ import annotations

import math
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from onnx import GraphProto, ModelProto, NodeProto, TensorProto

from colocate.errors import SpecError
from colocate.inference.onnx import element_types


@dataclass(frozen=True, slots=True)
class ExternalTensor:
    """A `tensor` whose data begin at `offset_bytes` in `file`. `length_bytes` is None if the .onnx file does not give
    it.
    """

    tensor: TensorProto
    file: Path
    offset_bytes: int = 0
    length_bytes: int | None = None

    @property
    def needed_bytes(self) -> int | None:
        """The bytes that its shape and type need; None for text."""
        bits = element_types.bits(self.tensor.data_type)
        return None if bits is None else -(-bits * math.prod(self.tensor.dims) // 8)


def external_tensors(path: Path, model: ModelProto) -> tuple[ExternalTensor, ...]:
    """Return the external tensors of the `model` in `path`. Raises SpecError if one has no valid place in a file."""
    nodes = [*model.graph.node, *(node for function in model.functions for node in function.node)]
    tensors = [*model.graph.initializer, *_tensors_of(nodes)]
    return tuple(_located(path, tensor) for tensor in tensors if tensor.data_location == TensorProto.EXTERNAL)


def check(path: Path, tensors: Iterable[ExternalTensor]) -> None:
    """Raise SpecError if a file with some of the `tensors` of `path` is missing, is no regular file or is too short,
    and if the length that `path` gives for a tensor does not match its shape. The runtime checks the rest.
    """
    for each in tensors:
        needed_bytes, length_bytes = each.needed_bytes, each.length_bytes
        if None not in (needed_bytes, length_bytes) and length_bytes != needed_bytes:
            raise SpecError(
                f"{path} says of tensor '{each.tensor.name}' that {length_bytes} bytes of {each.file.name} are its "
                f"own, and its shape needs {needed_bytes}; export it again"
            )
        try:
            found = each.file.stat()
        except FileNotFoundError as error:
            raise SpecError(
                f"{path} keeps weights in {each.file}, which does not exist; copy it there as well"
            ) from error
        except OSError as error:
            raise SpecError(f"{path} keeps weights in {each.file}: {error.strerror}") from error
        if not stat.S_ISREG(found.st_mode):
            raise SpecError(f"{path} keeps weights in {each.file}, which is no file; copy it there as one")
        if found.st_size < each.offset_bytes + (length_bytes or needed_bytes or 0):
            raise SpecError(f"{each.file}, which holds weights of {path}, is cut short; copy it again")


def take_in(tensors: Iterable[ExternalTensor]) -> None:
    """Read the data of `tensors` from their files into them."""
    for each in tensors:
        with each.file.open("rb") as file:
            file.seek(each.offset_bytes)
            length_bytes = each.needed_bytes if each.length_bytes is None else each.length_bytes
            each.tensor.raw_data = file.read(-1 if length_bytes is None else length_bytes)
        each.tensor.ClearField("external_data")
        each.tensor.data_location = TensorProto.DEFAULT


def _tensors_of(nodes: Iterable[NodeProto]) -> Iterator[TensorProto]:
    """Yield the tensors in the attributes of nodes, and those in the graphs inside Loop, If and Scan nodes."""
    for node in nodes:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for body in (attribute.g, *attribute.graphs):
                yield from _tensors_in(body)


def _tensors_in(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    yield from _tensors_of(graph.node)


def _located(path: Path, tensor: TensorProto) -> ExternalTensor:
    said = {entry.key: entry.value for entry in tensor.external_data}
    location = PurePath(said.get("location", ""))
    try:
        offset_bytes, length_bytes = int(said.get("offset") or 0), int(said["length"]) if said.get("length") else None
    except ValueError:
        offset_bytes, length_bytes = -1, None
    # Runtimes only read files beside the .onnx file.
    inside = location.parts and not location.is_absolute() and ".." not in location.parts
    if not inside or "\0" in str(location) or offset_bytes < 0 or (length_bytes or 0) < 0:
        raise SpecError(
            f"{path} says of tensor '{tensor.name}' that it lies at {said}, which is no place in a file beside it; "
            "export it again"
        )
    return ExternalTensor(tensor, path.parent / location, offset_bytes, length_bytes)
