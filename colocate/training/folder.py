"""A user's folder of images: one folder per class, below `train/` and `val/`, or directly in it."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import numpy as np

from colocate.training.registry import Image
from colocate.worker.errors import WorkerError

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}
# Without `train/` and `val/`, every fifth image of a class is held out.
HELD_OUT_EVERY = 5
# Processes that read images for one rank, at the most.
READERS_MAX = 8
_MEAN, _SPREAD = np.array([0.485, 0.456, 0.406], "f4"), np.array([0.229, 0.224, 0.225], "f4")


class Folder:
    """The images of a folder to train on, or those held out, each in the shape that a network takes, with its class
    number.

    Raises WorkerError without Pillow, with fewer than two classes, for classes that `train` and `val` do not share,
    and if a class has no image to train on or none is held out.
    """

    def __init__(self, path: Path, image: Image, *, train: bool) -> None:
        if importlib.util.find_spec("PIL") is None:
            raise WorkerError(f"{sys.executable} has no package Pillow, which reads images: pip install Pillow")
        parts = (path / "train", path / "val")
        # One of these names alone may be a class, such as pictures of a train.
        split = all(each.is_dir() for each in parts)
        root = parts[not train] if split else path
        classes = _classes(root)
        if len(classes) < 2:
            raise WorkerError(f"{root} holds no two folders of images, one per class; see docs/training.md")
        if split and (apart := {*_classes(parts[0])} ^ {*_classes(parts[1])}):
            raise WorkerError(f"{path}: {min(apart)} is a class in only one of train and val; give both the same")
        self._image, self._train, self.classes = image, train, len(classes)
        self._files: list[tuple[Path, int]] = []
        for number, name in enumerate(classes):
            files = sorted(each for each in _seen(root / name) if each.suffix.lower() in SUFFIXES)
            kept = [each for at, each in enumerate(files) if split or (at % HELD_OUT_EVERY == 0) != train]
            if train and not kept:
                ends = f"they end in {', '.join(sorted(SUFFIXES))}" + ("" if split else ", and the first is held out")
                raise WorkerError(f"{root / name} holds no images to train on; {ends}")
            self._files += [(each, number) for each in kept]
        if not self._files:
            raise WorkerError(f"{root} holds no images to hold out; they end in {', '.join(sorted(SUFFIXES))}")
        self.readers = min(READERS_MAX, len(os.sched_getaffinity(0)))

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._files)

    def __getitem__(self, number: int) -> tuple[np.ndarray, int]:
        """Return an image, (channels, height, width) float32, and its class number.

        Images to train on are cropped at random and may be mirrored; others are cropped to the middle.
        """
        # Imported only when images are read: a Python that trains on other data need not have Pillow.
        from PIL import Image as Pillow

        path, label = self._files[number]
        channels, height, width = self._image
        try:
            with Pillow.open(path) as opened:
                picture = opened.convert("RGB" if channels == 3 else "L")
        except Exception as error:
            # Pillow raises many kinds of error, and few of them name the file.
            raise WorkerError(f"{path} cannot be read: {error}") from error
        share = np.random.default_rng().uniform(0.5, 1.0) if self._train else 0.875
        side = share**0.5 * min(picture.size)
        room = (picture.width - side, picture.height - side)
        left, top = (each * (np.random.default_rng().random() if self._train else 0.5) for each in room)
        cut = picture.resize((width, height), Pillow.Resampling.BILINEAR, (left, top, left + side, top + side))
        pixels = np.asarray(cut, dtype=np.float32).reshape(height, width, channels) / 255
        if self._train and np.random.default_rng().random() < 0.5:
            pixels = pixels[:, ::-1]
        normed = (pixels - _MEAN[:channels]) / _SPREAD[:channels]
        return np.ascontiguousarray(normed.transpose(2, 0, 1)), label


def _classes(root: Path) -> list[str]:
    return sorted(each.name for each in _seen(root) if each.is_dir())


def _seen(folder: Path) -> list[Path]:
    """Return what is in the folder and not hidden. Raises WorkerError if it cannot be read."""
    try:
        return [each for each in folder.iterdir() if not each.name.startswith(".")]
    except OSError as error:
        raise WorkerError(f"{folder} cannot be read: {error.strerror}") from error
