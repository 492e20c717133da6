"""What a worker is asked to serve: the JSON that its parent writes on the command line, read back."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from colocate.version import __version__
from colocate.worker.errors import WorkerError

# Property of a network's file: what it reads stays where it runs, and is not copied there for each inference.
RESIDENT = "colocate.resident"
# What the network `bandwidth` copies for each image: many times the largest cache of any GPU (50 MB on an H200), and
# two such buffers fit beside JetPack in 2 GB.
COPIED_BYTES = 256 << 20


class TensorSpec(NamedTuple):
    """An input: its name, its shape, numpy's name of its element type, and what to fill it with.

    That is the array in `file` (.npy), or `constant`, or integers from `low` to below `high`, or else floats from a
    standard normal distribution.
    """

    name: str
    shape: "tuple[int, ...]"
    dtype: str
    low: "int | None" = None
    high: "int | None" = None
    constant: "float | None" = None
    file: "str | None" = None

    def to_json(self) -> "dict[str, Any]":
        """The fields that are not at their default, for `tensor_from_json`."""
        return {key: value for key, value in self._asdict().items() if value is not None}

    @property
    def fed(self) -> str:
        """What it is fed, in a word: its shape, or its one number."""
        if self.shape:
            return "x".join(map(str, self.shape))
        return "scalar" if self.constant is None else f"{self.constant:g}"


def tensor_from_json(fields: "Mapping[str, Any]") -> TensorSpec:
    """The inverse of `TensorSpec.to_json`, also after a passage through JSON text."""
    return TensorSpec(**{**fields, "shape": tuple(fields["shape"])})


class NetworkFile(NamedTuple):
    """The file to load, what it is fed, and the SHA-256 of what it was made from.

    `source` is the user's own file where this is a copy with fixed shapes: what a runtime refuses with its shapes
    fixed, it may run while they are open, as where a branch that is not taken contradicts them. Of an `engine`, which
    is TensorRT's own format, `inputs` are those of which the user chose shape or values; the rest is in it.
    """

    name: str
    path: Path
    sha256: str
    inputs: "tuple[TensorSpec, ...]"
    source: "Path | None" = None
    engine: bool = False

    @property
    def fed(self) -> str:
        """What each input is fed."""
        return ", ".join(f"{spec.name}={spec.fed}" for spec in self.inputs)


class TrainingRequest(NamedTuple):
    """A network to train: on how many ranks, each on a GPU or all on CPUs, on what `data`, for how many epochs before
    the first window, and from which seed.
    """

    ranks: int
    on_gpu: bool
    data: str
    epochs: int
    learning_rate: float
    seed: int


class Request(NamedTuple):
    """How one network runs. `target` is `module:class` of the backend, which makes the network itself where `file` is
    None. Costly files are kept below `cache`. With `profiled` each window is followed by the runtime's own profile.
    With `counted` the network is a task beside another: it counts its inferences as tasks count their work.
    `device` is `cuda:N` or `dla:N`; None is the first GPU, or the CPU. With a `training` the network is trained, and
    an inference is a step.
    """

    target: str
    network: str
    precision: str = "fp32"
    batch: int = 1
    graph: bool = False
    wait: str = "spin"
    period_s: "float | None" = None
    file: "NetworkFile | None" = None
    cache: Path = Path()
    profiled: bool = False
    counted: bool = False
    device: "str | None" = None
    training: "TrainingRequest | None" = None

    @property
    def loaded(self) -> NetworkFile:
        """The file, for a backend that runs files."""
        assert self.file is not None, "this runtime runs a network's file"
        return self.file

    @property
    def fed(self) -> str:
        """The values that each input of the network's file is fed; empty without a file."""
        return "" if self.file is None else self.file.fed

    def to_json(self) -> str:
        """One line for `from_json`."""
        fields: "dict[str, Any]" = {**self._asdict(), "cache": str(self.cache), "version": __version__}
        if self.file is not None:
            inputs = [spec.to_json() for spec in self.file.inputs]
            source = None if self.file.source is None else str(self.file.source)
            fields["file"] = {
                **self.file._asdict(), "path": str(self.file.path), "inputs": inputs, "source": source
            }  # fmt: skip
        return json.dumps(fields)


def from_json(text: str) -> Request:
    """The inverse of `Request.to_json`. Raises WorkerError where another version of colocate asks."""
    fields: "dict[str, Any]" = json.loads(text)
    asks = fields.pop("version", "of another time")
    if asks != __version__:
        raise WorkerError(
            f"colocate {asks} started a worker of colocate {__version__} from {Path(__file__).parent}; "
            "it was installed anew meanwhile: run this again"
        )
    file: "Mapping[str, Any] | None" = fields["file"]
    if file is not None:
        inputs = tuple(map(tensor_from_json, file["inputs"]))
        source = file["source"] and Path(file["source"])
        path = Path(file["path"])
        fields["file"] = NetworkFile(file["name"], path, file["sha256"], inputs, source, file["engine"])
    if fields["training"] is not None:
        fields["training"] = TrainingRequest(*fields["training"])
    return Request(**{**fields, "cache": Path(fields["cache"])})
