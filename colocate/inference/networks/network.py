"""The file of a network, and what is known about it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colocate.worker.request import NetworkFile, TensorSpec, tensor_from_json


@dataclass(frozen=True, slots=True)
class Network:
    """A network in a file that every runtime can load.

    `name` is a built-in's name or the stem of a user's file. `sha256` is of the built-in's file, or of the user's
    file and its files of weights. `macs` (1 MAC = 2 FLOP) is for one inference with all images of the batch; None if
    unknown. `guesses` are the input shapes, such as `images=1x3x224x224`, that neither file nor study gives. `source`
    is the user's own file if `path` is a copy of it with fixed shapes. For an `engine`, `inputs` are only those that
    the study describes, and `parameters` and `macs` are None; TensorRT knows the rest.
    """

    name: str
    path: Path
    sha256: str
    inputs: tuple[TensorSpec, ...]
    parameters: int | None
    macs: int | None
    guesses: tuple[str, ...] = ()
    source: Path | None = None
    engine: bool = False

    @property
    def file(self) -> NetworkFile:
        """The description of the file for a worker."""
        return NetworkFile(self.name, self.path, self.sha256, self.inputs, self.source, self.engine)

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        inputs = [spec.to_json() for spec in self.inputs]
        fields = {**dataclasses.asdict(self), "path": str(self.path), "inputs": inputs}
        if self.source is not None:
            fields["source"] = str(self.source)
        for name in ("guesses", "source", "engine"):
            if not fields[name]:
                del fields[name]
        return fields

    def described(self) -> dict[str, Any]:
        """Return what the file holds, as JSON text would give it back. Paths are left out, because they belong to
        this user and may change.
        """
        fields: dict[str, Any] = json.loads(json.dumps(self.to_json()))
        return {key: value for key, value in fields.items() if key not in ("path", "source")}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Network:
        """Return the network with the `fields` of `to_json`, also after a passage through JSON text."""
        paths = {key: Path(fields[key]) for key in ("path", "source") if key in fields}
        inputs = tuple(map(tensor_from_json, fields["inputs"]))
        return cls(**{**fields, **paths, "inputs": inputs, "guesses": tuple(fields.get("guesses", ()))})
