"""The memory stressor: JPEG encoding and decoding of a ring of frames that is larger than the last-level cache."""

from __future__ import annotations

import io
import random
from collections.abc import Mapping
from pathlib import Path

from PIL import Image, ImageChops, ImageStat
from PIL.JpegImagePlugin import JpegImageFile

from cpu_workloads.stressor import StressorError

QUALITY = 75
SUBSAMPLING = "4:2:0"
FOOTPRINT_PER_CACHE = 3
FOOTPRINT_LIMIT_BYTES = 512 * 2**20
"""The most that the frames of one process take. For a cache of hundreds of MB, a stressor on every CPU would
otherwise exhaust memory."""

MEAN_ERROR_BOUND = 6.0
"""The largest mean error of a frame, of 255, over all pixels and channels. The right frame has 2.2, a wrong one 36.
"""

_CACHE = Path("/sys/devices/system/cpu/cpu0/cache")


def last_level_cache_bytes(cache: Path = _CACHE) -> int | None:
    """The size of the largest cache that the kernel lists for CPU 0, in bytes; None if it lists none."""
    sizes = [path.read_text().strip() for path in cache.glob("index*/size")]
    return max((int(size.removesuffix("K")) * 1024 for size in sizes), default=None)


_OCTAVES = ((240, 0.9, "RGB"), (60, 0.35, "RGB"), (16, 0.2, "RGB"), (4, 0.15, "L"), (2, 0.1, "L"))
"""Layers of noise: grain in pixels, weight over the coarser layers, mode (a photograph's fine grain is mostly grey).
Chosen so that a frame takes 1.3 bits a pixel at QUALITY."""


def photograph(size: tuple[int, int], seed: int) -> Image.Image:
    """Return an RGB picture that is like a photograph to a JPEG coder: smooth colours under weaker, finer noise."""
    draw = random.Random(seed)
    picture = Image.new("RGB", size, (128, 128, 128))
    for grain, weight, mode in _OCTAVES:
        grid = (size[0] // grain + 1, size[1] // grain + 1)
        noise = Image.frombytes(mode, grid, draw.randbytes(len(mode) * grid[0] * grid[1]))
        smooth = noise.resize(size, Image.Resampling.BICUBIC).convert("RGB")
        picture = Image.blend(picture, smooth, weight)
    return picture


class Jpeg:
    """Encodes frame after frame of a ring of raw RGB frames, and decodes each result to raw RGB again."""

    name = "jpeg"
    unit = "frames"
    size = (1920, 1080)
    ring = 8
    outgrows_cache = True

    def __init__(self, seed: int = 0x5EED) -> None:
        width, height = self.size
        # The source and the decoded version of every frame are touched once a turn of the ring.
        frame_bytes = 2 * 3 * width * height
        self._cache_bytes = last_level_cache_bytes()
        frames = self.ring
        self._wanted_bytes = frames * frame_bytes
        if self.outgrows_cache and self._cache_bytes is not None:
            self._wanted_bytes = max(self._wanted_bytes, FOOTPRINT_PER_CACHE * self._cache_bytes)
            frames = max(frames, -(-min(self._wanted_bytes, FOOTPRINT_LIMIT_BYTES) // frame_bytes))
        self._footprint_bytes = frames * frame_bytes
        base = photograph(self.size, seed)
        self._sources = [
            ImageChops.offset(base, width * i // frames, height * i // frames).tobytes() for i in range(frames)
        ]
        # A frame that is not decoded yet is compared with itself, so that every `verify` costs the same.
        self._decoded = list(self._sources)
        self._next = 0

    def step(self) -> int:
        """Encode the next frame of the ring and decode the result."""
        encoded = io.BytesIO()
        frame = Image.frombytes("RGB", self.size, self._sources[self._next])
        frame.save(encoded, "JPEG", quality=QUALITY, subsampling=SUBSAMPLING)
        encoded.seek(0)
        self._decoded[self._next] = JpegImageFile(encoded).tobytes()
        self._next = (self._next + 1) % len(self._sources)
        return 1

    def facts(self) -> Mapping[str, object]:
        """Frames and bytes of the ring, the bytes of the cache if known, and whether the limit cut the ring short."""
        facts: dict[str, object] = {
            "unit": self.unit,
            "frames": len(self._sources),
            "footprint_bytes": self._footprint_bytes,
        }
        if self._cache_bytes is not None:
            facts["last_level_cache_bytes"] = self._cache_bytes
        if self._footprint_bytes < self._wanted_bytes:
            facts["footprint_capped"] = True
        return facts

    def verify(self) -> None:
        """Raise StressorError unless the last decoded version of every frame differs little from its source."""
        for index, (source, decoded) in enumerate(zip(self._sources, self._decoded, strict=True)):
            images = [Image.frombytes("RGB", self.size, raw) for raw in (source, decoded)]
            error = sum(ImageStat.Stat(ImageChops.difference(*images)).mean) / 3
            if error > MEAN_ERROR_BOUND:
                raise StressorError(f"{self.name}: decoded frame {index} is off by {error:.1f} of 255", 1)


class JpegSmall(Jpeg):
    """One frame of MiBench's size. With Pillow's copies it takes some 5 MB, which most last-level caches hold."""

    name = "jpeg-small"
    size = (512, 512)
    ring = 1
    outgrows_cache = False
