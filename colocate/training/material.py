"""What a training uses that may change under the same name: a folder of images, the file of a user's own network."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from colocate.training.folder import SUFFIXES
from colocate.training.registry import is_own


def material(network: str, data: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the name and the digest of the folder of images and of the user's own network, if the training uses them.

    The digest of a folder is over the names and sizes of its images, because reading them all may take hours. The
    digest of a network is over its module's file, if it lies in the current folder. Raises OSError if one cannot be
    read.
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
