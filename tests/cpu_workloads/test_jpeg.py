from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from cpu_workloads import jpeg
from cpu_workloads.stressor import StressorError

MIB = 2**20


class Tiny(jpeg.Jpeg):
    size = (64, 48)
    ring = 3


class TinyRing(Tiny):
    outgrows_cache = False


FRAME_BYTES = 2 * 3 * 64 * 48


@pytest.fixture
def cache_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], None]:
    return lambda size: monkeypatch.setattr(jpeg, "last_level_cache_bytes", lambda: size)


def test_the_ring_is_eight_full_hd_frames_where_the_cache_is_small(
    cache_of: Callable[[int | None], None],
) -> None:
    cache_of(2 * MIB)
    facts = jpeg.Jpeg().facts()
    assert facts == {
        "unit": "frames",
        "frames": 8,
        "footprint_bytes": 8 * 2 * 3 * 1920 * 1080,
        "last_level_cache_bytes": 2 * MIB,
    }


def test_the_ring_grows_to_three_times_the_cache(cache_of: Callable[[int | None], None]) -> None:
    cache_of(10 * FRAME_BYTES)
    facts = Tiny().facts()
    assert facts["frames"] == 30
    assert facts["footprint_bytes"] == 30 * FRAME_BYTES
    assert "footprint_capped" not in facts


def test_a_huge_cache_does_not_exhaust_the_memory(
    cache_of: Callable[[int | None], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache_of(500 * MIB)
    monkeypatch.setattr(jpeg, "FOOTPRINT_LIMIT_BYTES", 20 * FRAME_BYTES)
    facts = Tiny().facts()
    assert facts["frames"] == 20
    assert facts["footprint_capped"] is True


def test_an_unknown_cache_is_absent_from_the_facts(cache_of: Callable[[int | None], None]) -> None:
    cache_of(None)
    facts = Tiny().facts()
    assert facts["frames"] == 3
    assert "last_level_cache_bytes" not in facts


def test_the_small_one_never_grows(cache_of: Callable[[int | None], None]) -> None:
    cache_of(500 * MIB)
    assert jpeg.JpegSmall().facts()["frames"] == 1


def test_the_largest_cache_counts(tmp_path: Path) -> None:
    assert jpeg.last_level_cache_bytes(tmp_path) is None
    for index, size in enumerate(("32K", "48K", "2048K")):
        (tmp_path / f"index{index}").mkdir()
        (tmp_path / f"index{index}" / "size").write_text(size + "\n")
    assert jpeg.last_level_cache_bytes(tmp_path) == 2 * MIB


def test_every_frame_of_the_ring_is_decoded_and_sound() -> None:
    small = jpeg.JpegSmall()
    assert small.step() == 1
    small.verify()
    tiny = TinyRing()
    for _ in tiny._sources:
        tiny.step()
    assert all(frame != source for frame, source in zip(tiny._decoded, tiny._sources, strict=True))
    tiny.verify()


def test_a_wrongly_decoded_frame_is_found() -> None:
    tiny = TinyRing()
    tiny.step()
    tiny.step()
    tiny._decoded[1] = tiny._decoded[0]
    with pytest.raises(StressorError, match="frame 1 is off"):
        tiny.verify()


def test_frames_come_from_the_seed() -> None:
    first, again, other = (jpeg.photograph((64, 48), seed).tobytes() for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_frames_compress_as_photographs_do() -> None:
    encoded = io.BytesIO()
    jpeg.photograph((512, 512), 3).save(encoded, "JPEG", quality=jpeg.QUALITY, subsampling=jpeg.SUBSAMPLING)
    assert 0.8 < 8 * len(encoded.getvalue()) / 512**2 < 2.5
    assert Image.open(encoded).mode == "RGB"
