"""Every network that colocate trains, and how a user's own is found. Importing this file does not import torch."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from colocate.worker.errors import WorkerError

# Channels, height and width.
Image = tuple[int, int, int]


class Trainable(NamedTuple):
    """A network to train: `factory(num_classes=...)` makes its torch module.

    `image` is the shape of images that it takes; None if it takes them as the data has them.
    """

    factory: Callable[..., Any]
    image: Image | None = None


_HERE = "colocate.training.networks"
_RESNET_IMAGE = (3, 224, 224)
# Lazy: `module:attribute`, and the image.
NETWORKS: dict[str, tuple[str, Image | None]] = {
    "alexnet": (f"{_HERE}.alexnet:alexnet", (3, 227, 227)),
    "lenet": (f"{_HERE}.lenet:lenet", None),
    **{f"resnet{depth}": (f"{_HERE}.resnet:resnet", _RESNET_IMAGE) for depth in (18, 34, 50, 101, 152)},
}


def is_own(name: str) -> bool:
    """Whether the name is that of a user's own network, `package.module:factory`."""
    module, colon, attribute = name.partition(":")
    return bool(colon) and attribute.isidentifier() and all(part.isidentifier() for part in module.split("."))


def trainable(name: str) -> Trainable:
    """Return the network of that name. Raises WorkerError if a user's own cannot be imported, or is not callable."""
    if name in NETWORKS:
        target, image = NETWORKS[name]
        factory = _imported(target)
        if name.startswith("resnet"):
            factory = functools.partial(factory, int(name[len("resnet") :]))
        return Trainable(factory, image)
    # Modules in the current folder are found, as for a program that the user starts.
    sys.path.append(str(Path.cwd()))
    try:
        factory = _imported(name)
    except (Exception, SystemExit) as error:
        # To import the user's module runs it, so it may raise anything.
        said = " ".join(str(error).split()) or type(error).__name__
        raise WorkerError(f"{name} cannot be imported: {said}; name it as package.module:factory") from error
    if not callable(factory):
        raise WorkerError(f"{name} is no function or class that makes a network; name it as package.module:factory")
    return Trainable(factory, getattr(factory, "image", None))


def _imported(target: str) -> Callable[..., Any]:
    module, _, attribute = target.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return found
