from __future__ import annotations

from pathlib import Path

import pytest

from colocate.errors import HostError, KnobError
from colocate.host.sysfs import Sysfs, read_hz, read_steps_hz
from tests.host.boards import put


def test_a_reading_ends_before_newline_and_nul(tmp_path: Path) -> None:
    put(tmp_path, "/sys/a", "17")
    put(tmp_path, "/sys/name", "gpu", end="\0")
    sysfs = Sysfs(tmp_path)
    assert (sysfs.read("/sys/a"), sysfs.read("/sys/name")) == ("17", "gpu")


def test_what_cannot_be_read_is_none(tmp_path: Path) -> None:
    (tmp_path / "sys").mkdir()
    assert Sysfs(tmp_path).read("/sys/missing") is None
    assert Sysfs(tmp_path).read("/sys") is None


def test_a_write_replaces_the_line_and_makes_no_file(tmp_path: Path) -> None:
    put(tmp_path, "/sys/a", "1734000")
    sysfs = Sysfs(tmp_path)
    sysfs.write("/sys/a", "5")
    assert (tmp_path / "sys/a").read_text() == "5\n"
    with pytest.raises(KnobError, match=r"/sys/b: wanted 5, .*No such file"):
        sysfs.write("/sys/b", "5")
    assert not (tmp_path / "sys/b").exists()


def test_units_are_converted_where_they_are_read(tmp_path: Path) -> None:
    put(tmp_path, "/sys/khz", "921600")
    put(tmp_path, "/sys/table", "40800 68000 102000 (kHz)")
    put(tmp_path, "/sys/word", "<unsupported>")
    sysfs = Sysfs(tmp_path)
    assert read_hz(sysfs, "/sys/khz", 1000) == 921_600_000
    assert read_hz(sysfs, "/sys/word") is None
    assert read_steps_hz(sysfs, "/sys/table", 1000) == (40_800_000, 68_000_000, 102_000_000)
    assert read_steps_hz(sysfs, "/sys/missing") == ()


def test_a_link_out_of_the_root_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "root"
    put(root, "/sys/devices/clock/max", "1")
    (root / "sys/class").symlink_to(root / "sys/devices")
    (root / "sys/out").symlink_to(tmp_path)
    sysfs = Sysfs(root)
    assert sysfs.resolved("/sys/class/clock/max") == "/sys/devices/clock/max"
    assert sysfs.glob("/sys/class/*") == ["/sys/class/clock"]
    with pytest.raises(HostError, match="leads out"):
        sysfs.resolved("/sys/out/etc")
