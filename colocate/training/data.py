"""The images to train on, as batches on the device: made up at random, handwritten digits, or a user's folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch.nn import functional

from colocate.training.folder import Folder
from colocate.training.order import Order
from colocate.training.registry import Image
from colocate.worker.errors import WorkerError

# As many as in ImageNet (ILSVRC 2012), so that an epoch of made-up images is as long as one of ImageNet.
MADE_UP_IMAGES, MADE_UP_CLASSES, MADE_UP_IMAGE = 1_281_167, 1000, (3, 224, 224)
# The share of the 1797 digits that is held out.
HELD_OUT_RATIO = 0.2
# Images per batch when the accuracy is measured.
_JUDGED_TOGETHER = 256
# So many made-up images differ, and a batch repeats them: to draw a thousand at random takes seconds.
_DIFFERENT_IMAGES = 32
Batch = tuple[torch.Tensor, torch.Tensor]


class Data(Protocol):
    """Images in classes: `train_images` are trained on, `held_out` measure the accuracy (0 of made-up images)."""

    classes: int
    train_images: int
    held_out: int
    image: Image

    def batches(self, order: Order, device: torch.device) -> Iterator[Batch]:
        """Yield batches of images and labels in this order, on the device, without end."""

    def judged(self, device: torch.device) -> Iterator[Batch]:
        """Yield all held-out images once, in batches with their labels."""


def load(name: str, image: Image | None, batch: int) -> Data:
    """Return the data of that name, with images of the shape `image`; None leaves the shape to the data.

    Raises WorkerError if the data cannot be read or are fewer than a batch.
    """
    if name == "synthetic":
        return MadeUp(image or MADE_UP_IMAGE, batch)
    data: Digits | Files = Digits(image) if name == "digits" else Files(Path(name), image or MADE_UP_IMAGE)
    if data.train_images < batch:
        raise WorkerError(
            f"{name} has {data.train_images} images to train on, fewer than a batch of {batch}; give a smaller one"
        )
    return data


class MadeUp:
    """One batch of random images in the host's memory, which each step copies to the device."""

    classes, train_images, held_out = MADE_UP_CLASSES, MADE_UP_IMAGES, 0

    def __init__(self, image: Image, batch: int) -> None:
        self.image, self._batch = image, batch

    def batches(self, order: Order, device: torch.device) -> Iterator[Batch]:
        """See `Data.batches`."""
        count = len(next(iter(order)))
        pinned = device.type == "cuda"
        images = torch.empty(count, *self.image, pin_memory=pinned)
        labels = torch.empty(count, dtype=torch.int64, pin_memory=pinned)
        labels.random_(self.classes)
        different = torch.randn(min(count, _DIFFERENT_IMAGES), *self.image)
        for first in range(0, count, _DIFFERENT_IMAGES):
            images[first : first + _DIFFERENT_IMAGES] = different[: count - first]
        while True:
            yield images.to(device, non_blocking=True), labels.to(device, non_blocking=True)

    def judged(self, device: torch.device) -> Iterator[Batch]:
        """Yield nothing: no images are held out."""
        return iter(())


class Digits:
    """The 1797 handwritten digits that scikit-learn ships, 8x8, kept on the device."""

    classes = 10

    def __init__(self, image: Image | None) -> None:
        try:
            from sklearn.datasets import load_digits
        except ImportError as error:
            raise WorkerError(f"digits: {error}; pip install scikit-learn") from error
        found = load_digits()
        pixels = found.images.astype(np.float32)[:, None]
        self._images = torch.from_numpy((pixels - pixels.mean()) / pixels.std())
        self._labels = torch.from_numpy(found.target.astype(np.int64))
        self.image = image or (1, 8, 8)
        mixed = np.random.default_rng(0).permutation(len(pixels))
        self.held_out = round(HELD_OUT_RATIO * len(pixels))
        self._judged, self._trained = mixed[: self.held_out], mixed[self.held_out :]
        self.train_images = len(self._trained)

    def batches(self, order: Order, device: torch.device) -> Iterator[Batch]:
        """See `Data.batches`."""
        images, labels = self._images[self._trained].to(device), self._labels[self._trained].to(device)
        for numbers in order:
            yield self._shaped(images[numbers]), labels[numbers]

    def judged(self, device: torch.device) -> Iterator[Batch]:
        """See `Data.judged`."""
        for first in range(0, len(self._judged), _JUDGED_TOGETHER):
            numbers = self._judged[first : first + _JUDGED_TOGETHER]
            yield self._shaped(self._images[numbers].to(device)), self._labels[numbers].to(device)

    def _shaped(self, images: torch.Tensor) -> torch.Tensor:
        channels, *size = self.image
        if list(images.shape[2:]) != size:
            images = functional.interpolate(images, tuple(size), mode="bilinear")
        return images.expand(-1, channels, -1, -1)


class Files:
    """A folder of images, which processes beside each rank read and crop, as in a real training."""

    def __init__(self, path: Path, image: Image) -> None:
        self._train, self._held_out = Folder(path, image, train=True), Folder(path, image, train=False)
        self.image, self.classes = image, self._train.classes
        self.train_images, self.held_out = len(self._train), len(self._held_out)

    def batches(self, order: Order, device: torch.device) -> Iterator[Batch]:
        """See `Data.batches`."""
        return self._loaded(self._train, order, device)

    def judged(self, device: torch.device) -> Iterator[Batch]:
        """See `Data.judged`."""
        numbers = range(len(self._held_out))
        whole = [list(numbers[first : first + _JUDGED_TOGETHER]) for first in numbers[::_JUDGED_TOGETHER]]
        return self._loaded(self._held_out, whole, device)

    def _loaded(self, folder: Folder, batches: Any, device: torch.device) -> Iterator[Batch]:
        on_gpu = device.type == "cuda"
        loader = torch.utils.data.DataLoader(
            folder, batch_sampler=batches, num_workers=folder.readers, pin_memory=on_gpu
        )
        try:
            for images, labels in loader:
                yield images.to(device, non_blocking=on_gpu), labels.to(device, non_blocking=on_gpu)
        except WorkerError as error:
            # The error of a reading process arrives as the last line of its traceback.
            raise WorkerError(str(error).strip().splitlines()[-1].partition(": ")[2]) from error
