"""What a network is fed: the shape of every input (`input_shapes`) and its values (`input_values`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from onnx import ModelProto, ValueInfoProto

from colocate.errors import SpecError
from colocate.inference.onnx.input_shapes import named_sizes, read_dimensions
from colocate.inference.onnx.input_values import filled
from colocate.model.request import InputChoice
from colocate.worker.request import TensorSpec

# The producer name of a file that colocate made of a single layer or ceiling. Its batch size and precision are fixed
# to those of the whole network.
PART_PRODUCER = "colocate.part"


@dataclass(frozen=True, slots=True)
class Feeding:
    """What a window feeds: the `inputs`, and the `sizes` of the dimensions that have a name.

    `own_batch` is the batch size that file or study fixes; None if any works. `guesses` are the shapes that are
    partly guessed, such as `images=1x3x224x224`.
    """

    inputs: tuple[TensorSpec, ...]
    sizes: dict[str, int]
    own_batch: int | None
    guesses: tuple[str, ...]


def feeding(
    model: ModelProto,
    inputs: Sequence[ValueInfoProto],
    batch: int | None = None,
    choices: Sequence[InputChoice] = (),
) -> Feeding:
    """Return what to feed the `inputs` of `model` in batches of `batch`. None means the file's own batch size, or 1.

    Raises SpecError for a choice of an input that does not exist or that contradicts the file, a type that cannot be
    fed, and a batch size that the file does not accept.
    """
    by_name = {choice.name: choice for choice in choices}
    names = [value.name for value in inputs]
    for name in by_name:
        if name not in names:
            raise SpecError(f"the network has no input '{name}'; its inputs are {', '.join(names)}")
    read = [read_dimensions(model.graph, value, by_name.get(value.name)) for value in inputs]
    counting = [each for each in read if each.batch_axis is not None]
    own = counting[0].own_batch if counting else None
    if model.producer_name == PART_PRODUCER:
        batch = own
    if own is not None and batch not in (None, own):
        raise SpecError(counting[0].why_only(own, batch))
    if batch not in (None, 1) and not counting:
        raise SpecError(
            f"no dimension is known to count a batch of {batch}; say which does: --shape {names[0]}=@batchx3x320"
        )
    size = own or batch or 1
    sizes = named_sizes(read, size)
    return Feeding(
        inputs=tuple(
            filled(model.graph, value, each.shape(size, sizes), by_name.get(value.name))
            for value, each in zip(inputs, read, strict=True)
        ),
        sizes=sizes,
        own_batch=own,
        guesses=tuple(f"{each.name}={'x'.join(map(str, each.shape(size, sizes)))}" for each in read if each.is_open),
    )
