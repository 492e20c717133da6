"""What trainings are made of that may change under its name: a folder of images, the file of a user's own network."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from colocate.training.folder import SUFFIXES
from colocate.training.registry import is_own


def material(network: str, data: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The digest of each, by its name. Of a folder it is over the names and sizes of its images, as to read them all
    may take hours; of a network over its module's file, where that lies beside the user. Raises OSError.
    """
    if Path(data).is_absolute():
        yield data, _folder(Path(data))
    if is_own(network) and (source := _source(network.partition(":")[0])) is not None:
        yield network, {"sha256": hashlib.sha256(source.read_bytes()).hexdigest()}


def _folder(folder: Path) -> Mapping[str, Any]:
    # One folder per class, or such folders below `train` and `val`; nothing is trained on what is hidden.
    below = [image.relative_to(folder) for pattern in ("*/*", "*/*/*") for image in folder.glob(pattern)]
    trained = (image for image in below if image.suffix.lower() in SUFFIXES and not _is_hidden(image))
    images = sorted(f"{image}\0{(folder / image).stat().st_size}" for image in trained)
    return {"images": len(images), "sha256": hashlib.sha256("\0".join(images).encode(errors="replace")).hexdigest()}


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _source(module: str) -> Path | None:
    path = Path.cwd().joinpath(*module.split("."))
    return next((each for each in (path.with_suffix(".py"), path / "__init__.py") if each.is_file()), None)
