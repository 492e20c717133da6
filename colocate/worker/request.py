"""What a worker is asked to serve, as JSON on the command line that its parent writes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from colocate.version import __version__
from colocate.worker.errors import WorkerError

# A property of a network's file: its inputs stay on the device, and are not copied there for each inference.
RESIDENT = "colocate.resident"
# What the network `bandwidth` copies for each image: many times the largest cache of any GPU (50 MB on an H200), and
# two such buffers fit beside JetPack in 2 GB.
COPIED_BYTES = 256 << 20


class TensorSpec(NamedTuple):
    """An input: its name, its shape, numpy's name of its element type, and its content.

    The content is the array in `file` (.npy), or `constant`, or random integers from `low` to below `high`, or else
    floats from a standard normal distribution.
    """

    name: str
    shape: "tuple[int, ...]"
    dtype: str
    low: "int | None" = None
    high: "int | None" = None
    constant: "float | None" = None
    file: "str | None" = None

    def to_json(self) -> "dict[str, Any]":
        """The fields that are not None, for `tensor_from_json`."""
        return {key: value for key, value in self._asdict().items() if value is not None}

    @property
    def fed(self) -> str:
        """What it is fed, in a word: its shape, or for a scalar its constant."""
        if self.shape:
            return "x".join(map(str, self.shape))
        return "scalar" if self.constant is None else f"{self.constant:g}"


def tensor_from_json(fields: "Mapping[str, Any]") -> TensorSpec:
    """The inverse of `TensorSpec.to_json`, also after a passage through JSON text."""
    return TensorSpec(**{**fields, "shape": tuple(fields["shape"])})


class NetworkFile(NamedTuple):
    """The file to load, what it is fed, and the SHA-256 of what it was made from.

    `source` is the user's own file if `path` is a copy with fixed shapes. A runtime that refuses the copy may run the
    source, for example if the fixed shapes contradict a branch that is not taken. An `engine` is in TensorRT's own
    format: its `inputs` are only those whose shape or values the user chose.
    """

    name: str
    path: Path
    sha256: str
    inputs: "tuple[TensorSpec, ...]"
    source: "Path | None" = None
    engine: bool = False

    @property
    def fed(self) -> str:
        """What each input is fed, in words."""
        return ", ".join(f"{spec.name}={spec.fed}" for spec in self.inputs)


class TrainingRequest(NamedTuple):
    """A network to train. Its `ranks` have a GPU each, or share the CPUs. It is trained for `epochs` before the first
    window.
    """

    ranks: int
    on_gpu: bool
    data: str
    epochs: int
    learning_rate: float
    seed: int


class Request(NamedTuple):
    """How one network runs.

    `target` is `module:class` of the backend, which makes the network itself if `file` is None. Costly files are kept
    below `cache`. If `profiled`, the runtime's own profile follows each window. If `counted`, the network is a task
    beside another: its inferences are its work. `device` is `cuda:N` or `dla:N`; None is the first GPU, or the CPU.
    With `training` the network is trained, and an inference is a step.
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
        """The network's file, for a backend that needs one."""
        assert self.file is not None, "this runtime runs a network's file"
        return self.file

    @property
    def fed(self) -> str:
        """What each input is fed, in words; empty without a file."""
        return "" if self.file is None else self.file.fed

    def to_json(self) -> str:
        """Return one line for `from_json`."""
        fields: "dict[str, Any]" = {**self._asdict(), "cache": str(self.cache), "version": __version__}
        if self.file is not None:
            inputs = [spec.to_json() for spec in self.file.inputs]
            source = None if self.file.source is None else str(self.file.source)
            fields["file"] = {
                **self.file._asdict(), "path": str(self.file.path), "inputs": inputs, "source": source
            }  # fmt: skip
        return json.dumps(fields)


def from_json(text: str) -> Request:
    """The inverse of `Request.to_json`. Raises WorkerError if another version of colocate wrote `text`."""
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
